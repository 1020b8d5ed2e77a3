/** Evidence as the runs would give it, with effects that a test chooses. */
import { seededRandom } from "../../src/numeric/random.ts";
import type { Evidence, NetworkEvidence } from "../../src/reproduction/evidence.ts";
import {
  alexnetLayers,
  cifar10Study,
  comparedLayers,
  lowerLayers,
  resnetLayers,
  type Variant,
} from "../../src/reproduction/studies.ts";
import { concatTables, filterRows, makeTable, type Table, texts } from "../../src/tables/table.ts";
import type { Effects } from "./effects.ts";

const unitCount = 48;
/** Classes that sets are made for. */
const setClasses = 10;
const imageCount = 500;

/** Builds the evidence. */
export function exampleEvidence(effects: Effects): Evidence {
  const untrained = { ...effects, ...effects.untrained };
  const found = cifar10Study.networks.map((network, at): NetworkEvidence => {
    const own = network.variant === "random convolutions" ? untrained : effects;
    const layers = network.variant === "ResNet-18" ? resnetLayers : alexnetLayers;
    return {
      ...network,
      accuracy: 0.8,
      imageCount,
      labels: Int32Array.from({ length: imageCount }, (_, image) => image % setClasses),
      parts: new Map(
        layers.map((layer, number) => {
          const random = seededRandom(at, number);
          const around = (mean: number): Float64Array =>
            Float64Array.from({ length: imageCount }, () => (mean + own.imageNoise * random.normal()) / imageCount);
          return [layer, { overall: around(own.overall), ofClass: around(own.classDrop(network.variant, layer)) }];
        }),
      ),
      units: concatTables(
        layers.map((layer) =>
          unitsOf(layer, effects.deviant && network.seed === 2 ? "plain" : network.variant, own, at),
        ),
      ),
      relations: concatTables(layers.map((layer) => relationsOf(layer, own, at))),
      hurtSpread: network.variant === "ResNet-18" ? null : spreadOf(own.alike, at),
      classes: {
        hurtByLogprob: new Map(layers.map((layer) => [layer, new Float64Array(unitCount).fill(own.sharper)])),
        dropElsewhere: new Map([["conv5", elsewhereOf(own, at)]]),
      },
      last:
        network.variant === "plain" || network.variant === "random convolutions"
          ? {
              sets: setsOf("conv5", own, at),
              rotation: rotationOf("conv5", own, network.variant, at),
              directions: directionsOf(["conv5"], own, at),
            }
          : null,
    };
  });
  return {
    networks: found,
    main: atLayers(found[0], comparedLayers),
    lower: atLayers(found[0], lowerLayers),
    classCount: effects.classCount,
    showsImages: true,
    untrainedPredictions: predictionsOf(untrained),
    sets: setsOf("conv5", effects),
    setsPaperWay: setsOf("conv5", effects),
    predictions: predictionsOf(effects),
  };
}

/** What a run of some of the layers gives. */
export function atLayers(network: NetworkEvidence, layers: readonly string[]): NetworkEvidence {
  const own = (table: Table): Table => {
    const layer = texts(table, "layer");
    return filterRows(table, (row) => layers.includes(layer[row]));
  };
  return { ...network, units: own(network.units), relations: own(network.relations) };
}

/** Drops over other classes that correlate with a unit's number, as its attributes in `unitsOf` do. */
function elsewhereOf({ correlation }: Effects, seed: number): Float64Array {
  const random = seededRandom(seed, 8);
  const slope = correlation("elsewhere", "class_selectivity");
  return Float64Array.from({ length: unitCount }, (_, unit) => slope * (unit + 5 * random.normal()));
}

function spreadOf(alike: number, seed: number): { observed: Float64Array; expected: Float64Array } {
  const random = seededRandom(seed, 7);
  return {
    observed: Float64Array.from({ length: 40 }, () => 10 - alike + random.normal()),
    expected: new Float64Array(40).fill(10),
  };
}

function directionsOf(layers: readonly string[], { direction, classDrop }: Effects, seed = 0): Table {
  return makeTable({
    layer: [...layers],
    basis: layers.map(() => "random"),
    measure: layers.map(() => "split_half_drop"),
    // A direction that does as much as a unit is above it as often as below; networks differ a little.
    superiority: Float64Array.from(layers, (layer) =>
      Math.min(0.98, Math.max(0.02, 0.5 + 12 * (classDrop("plain", layer) - direction)) + 0.002 * ((seed % 5) - 2)),
    ),
    rank_p_value: Float64Array.from(layers, () => (direction === 0 ? 0.5 : 0.0001)),
  });
}

function unitsOf(layer: string, variant: Variant, effects: Effects, seed: number): Table {
  const random = seededRandom(seed);
  const around = (mean: number): Float64Array =>
    Float64Array.from({ length: unitCount }, () => mean * (1 + 0.2 * random.normal()));
  // Networks differ a little.
  const detecting = Math.round(unitCount * effects.detectors(variant)) + (seed % 3) - 1;
  const drop = effects.classDrop(variant, layer) * (1 + effects.networkNoise * random.normal());
  return makeTable({
    layer: Array.from({ length: unitCount }, () => layer),
    unit: Int32Array.from({ length: unitCount }, (_, unit) => unit),
    overall_drop: around(effects.overall),
    images: new Int32Array(unitCount).fill(imageCount),
    lost: new Int32Array(unitCount).fill(Math.round(imageCount * Math.max(0, effects.overall))),
    gained: new Int32Array(unitCount),
    class_selectivity: ascending(1),
    class_correlation: ascending(1),
    l1_norm: ascending(
      Math.sign(effects.correlation("elsewhere", "l1_norm") * effects.correlation("elsewhere", "class_selectivity")) ||
        1,
    ),
    // One unit of each layer does what the paper's waterfall unit does.
    max_class_drop: around(drop).map((value, unit) => (unit === 0 && drop > 0 ? 20 * drop : value)),
    max_class_null: around(0.004),
    specificity_null: around(0.005),
    specificity_q_value: Float64Array.from({ length: unitCount }, (_, unit) =>
      unit < effects.specific * unitCount ? 0.01 : 0.8,
    ),
    smallest_detectable_drop: new Float64Array(unitCount).fill(effects.detectable),
    split_half_agreement: new Float64Array(unitCount).fill(0.8),
    hurt_classes: new Int32Array(unitCount).fill(effects.significant),
    max_class_q_value: new Float64Array(unitCount).fill(effects.significant > 0 ? 0.01 : 0.8),
    split_half_drop: around(drop * 0.8),
    significant_classes: new Int32Array(unitCount).fill(effects.significant),
    concept_iou: Float64Array.from({ length: unitCount }, (_, unit) => (unit >= unitCount - detecting ? 0.1 : 0.01)),
  });
}

/** The number of each unit, or that from the end. */
function ascending(sign: number): Float64Array {
  return Float64Array.from({ length: unitCount }, (_, unit) => sign * unit);
}

function relationsOf(layer: string, { correlation, ceiling }: Effects, seed: number): Table {
  const rows = ["class_selectivity", "class_correlation", "concept_iou", "l1_norm"].flatMap((attribute) =>
    (["overall_drop", "max_class_drop"] as const).map((drop) => ({
      attribute,
      drop,
      // Networks differ a little.
      value: correlation(drop, attribute) + 0.01 * ((seed % 5) - 2),
    })),
  );
  return makeTable({
    layer: rows.map(() => layer),
    attribute: rows.map(({ attribute }) => attribute),
    drop: rows.map(({ drop }) => drop),
    pearson: Float64Array.from(rows, ({ value }) => value),
    pearson_low: Float64Array.from(rows, ({ value }) => value - 0.1),
    pearson_high: Float64Array.from(rows, ({ value }) => value + 0.1),
    ceiling: Float64Array.from(rows, () => ceiling),
  });
}

function setsOf(layer: string, { greedy }: Effects, seed: number = 0): Table {
  const rows = ["greedy", "random"].flatMap((strategy) =>
    Array.from({ length: setClasses }, (_, cls) =>
      Array.from({ length: 16 }, (_unused, step) => ({
        strategy,
        cls,
        step,
        // Networks differ a little.
        accuracy: (strategy === "greedy" ? greedy(step) : 0.8 - 0.001 * step) * (1 + 0.001 * ((seed % 5) - 2)),
      })),
    ).flat(),
  );
  return makeTable({
    layer: rows.map(() => layer),
    strategy: rows.map(({ strategy }) => strategy),
    class: Int32Array.from(rows, ({ cls }) => cls),
    step: Int32Array.from(rows, ({ step }) => step),
    accuracy: Float64Array.from(rows, ({ accuracy }) => accuracy),
  });
}

function rotationOf(
  layer: string,
  { classDrop, direction }: Effects,
  variant: Variant = "plain",
  seed: number = 0,
): Table {
  const random = seededRandom(5, seed);
  const rows = ["units", "random", "random"].flatMap((basis, at) =>
    Array.from({ length: unitCount }, () => ({
      basis,
      seed: at,
      drop: (basis === "units" ? classDrop(variant, layer) : direction) * (1 + 0.2 * random.normal()),
    })),
  );
  return makeTable({
    layer: rows.map(() => layer),
    basis: rows.map(({ basis }) => basis),
    seed: Int32Array.from(rows, ({ seed }) => seed),
    max_class_drop: Float64Array.from(rows, ({ drop }) => drop + 0.004),
    split_half_drop: Float64Array.from(rows, ({ drop }) => drop),
    overall_drop: new Float64Array(rows.length),
  });
}

function predictionsOf({ prediction, bestAttribute }: Effects): Table {
  const rows = ["conv4", "conv5"].flatMap((layer) =>
    ["class_correlation", "class_selectivity", "concept_iou", "ensemble"].map((attribute, at) => ({
      layer,
      attribute,
      // Concept alignment is the best single attribute, as in the paper.
      accuracy: at === 3 ? prediction : at === 2 ? bestAttribute : 0.75 * bestAttribute,
    })),
  );
  const column = (value: (row: (typeof rows)[number]) => number): Float64Array => Float64Array.from(rows, value);
  return makeTable({
    layer: rows.map(({ layer }) => layer),
    attribute: rows.map(({ attribute }) => attribute),
    accuracy: column(({ accuracy }) => accuracy),
    accuracy_low: column(({ accuracy }) => accuracy - 0.05),
    accuracy_high: column(({ accuracy }) => accuracy + 0.05),
    chance: column(() => 0.1),
    majority: column(() => 0.15),
    p_value: column(({ accuracy }) => (accuracy > 0.3 ? 0.0005 : 0.4)),
  });
}
