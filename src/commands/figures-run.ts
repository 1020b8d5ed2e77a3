/** `unitscope figures RUN`: draws figures 1 to 5, 7 and 9 again from what the run's tables hold. */
import { layerDropsFigure, layerDropsOf, sortedUnits } from "../figures/layer-drops.ts";
import { relationsFigure, relationsOf } from "../figures/relations.ts";
import type { DropSign } from "../figures/sign.ts";
import { type UnitClassDrops, unitDropsFigure } from "../figures/unit-drops.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import { sourceOf } from "../runs/run-manifest.ts";
import { doubles, integers, isMissing, rowsWhere, type Table, texts } from "../tables/table.ts";
import { drawDetectors } from "./detector-figures.ts";
import { imagesPerClassOf } from "./images-per-class.ts";
import { drawRotation } from "./rotation-figure.ts";
import { drawSetCurves } from "./set-figures.ts";
import { drawUnitCard, readUnitCard } from "./unit-card.ts";

/** Units of a layer in figure 2: those with the largest max class drop. */
const UNITS_SHOWN = 6;

/** One written figure. */
export interface DrawnFigure {
  /** Its number in the paper. */
  readonly figure: 1 | 2 | 3 | 4 | 5 | 7 | 9;
  /** The layer that it shows; `all` for all layers together. */
  readonly layer: string;
  readonly path: string;
}

/**
 * Draws every figure that the run has tables for: 3 over all layers, and per layer 2 (class drops of its most damaging
 * units), 1 (the card of the most damaging one, once `attributes` has chosen images), 4 (once `sets` has measured the
 * layer), 5 (once `attributes` has related them), 7 (all layers that `rotate` has measured) and 9 (once the layer has
 * been aligned with concepts).
 *
 * @param options.sign `paper` draws accuracy after minus before in figures 2, 3, 5 and 7.
 * @param options.progress called with each figure when it is there.
 * @param options.partial called with the layers that are left out since they were measured on some of the images only.
 * @throws {UnitscopeError} `run` if no layer was measured on all images.
 */
export async function runFigures(
  path: string,
  {
    sign = "damage",
    progress,
    partial,
    signal,
  }: {
    sign?: DropSign | undefined;
    progress?: ((drawn: DrawnFigure) => void) | undefined;
    partial?: ((layers: readonly string[]) => void) | undefined;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<DrawnFigure[]> {
  const run = openRun(path);
  run.requireTables();
  const slugs = run.layerSlugs(["all"]);
  const options = { sign, source: sourceOf(run.manifest()), imagesPerClass: await imagesPerClassOf(run) };
  const drawn: DrawnFigure[] = [];
  const add = (figure: DrawnFigure["figure"], layer: string, path: string): void => {
    drawn.push({ figure, layer, path });
    progress?.(drawn.at(-1) as DrawnFigure);
  };
  const write = (figure: DrawnFigure["figure"], layer: string, name: string, svg: string): void => {
    signal?.throwIfAborted();
    run.writeFile(["figures", name], svg);
    add(figure, layer, run.file("figures", name));
  };
  const units = await run.readTable("units", { isWholeOnly: true });
  const layers = layerDropsOf(units);
  const leftOut = run.manifest().layers.flatMap((layer) => (layer.images === undefined ? [] : [layer.name]));
  if (leftOut.length > 0) partial?.(leftOut);
  write(3, "all", "layer-drops.svg", layerDropsFigure(layers, options));
  for (const { layer, max } of layers) {
    const ofLayer = rowsWhere(units, "layer", layer);
    const drops = await run.readTable("drops", { layer });
    const numbers = integers(ofLayer, "unit");
    const worst = sortedUnits(max).slice(0, UNITS_SHOWN);
    const shown = worst.map((row) => numbers[row]);
    write(
      2,
      layer,
      `unit-drops-${slugs[layer]}.svg`,
      unitDropsFigure(classDropsOf(ofLayer, drops, layer, shown), options),
    );
    if (run.hasTable("images") && shown.length > 0) await drawCard(run, layer, shown[0], write);
  }
  if (run.hasTable("relations")) {
    const relations = await run.readTable("relations");
    const named = new Set(texts(relations, "layer"));
    for (const layer of ["all", ...layers.map((each) => each.layer)].filter((name) => named.has(name))) {
      const svg = relationsFigure(relationsOf(units, relations, layer), options);
      write(5, layer, `relations-${slugs[layer]}.svg`, svg);
    }
  }
  if (run.hasTable("sets")) {
    const sets = await run.readTable("sets", { isWholeOnly: true });
    for (const layer of new Set(texts(sets, "layer"))) add(4, layer, drawSetCurves(run, sets, layer));
  }
  if (run.hasTable("rotation")) {
    add(7, "all", drawRotation(run, await run.readTable("rotation", { isWholeOnly: true }), options));
  }
  for (const { layer, path: file } of await drawDetectors(run)) add(9, layer, file);
  return drawn;
}

async function drawCard(
  run: RunFolder,
  layer: string,
  unit: number,
  write: (figure: 1, layer: string, name: string, svg: string) => void,
): Promise<void> {
  const card = await readUnitCard(run, layer, unit);
  if (card.top.length > 0) write(1, layer, `unit-card-${run.layerSlugs()[layer]}.svg`, await drawUnitCard(run, card));
}

/** Figure 2's input for some units of a layer, in the given order. */
function classDropsOf(ofUnits: Table, ofDrops: Table, layer: string, shown: readonly number[]): UnitClassDrops[] {
  const overall = doubles(ofUnits, "overall_drop");
  const [unitOf, dropUnitOf] = [integers(ofUnits, "unit"), integers(ofDrops, "unit")];
  const [names, drop] = [texts(ofDrops, "class_name"), doubles(ofDrops, "drop")];
  const qValues = ofDrops.columns["q_value"];
  return shown.map((unit) => ({
    layer,
    unit,
    overall: overall[unitOf.indexOf(unit)],
    classes: [...dropUnitOf.keys()]
      .filter((row) => dropUnitOf[row] === unit)
      .map((row) => ({
        name: names[row],
        drop: drop[row],
        ...(qValues && !isMissing(qValues, row) && { qValue: qValues[row] as number }),
      })),
  }));
}
