/** What a study does with a network, in order. Pure data: the layers, the images, and the options of every step. */
import { planSuffix } from "../ablation/suffix-plan.ts";
import { UnitscopeError } from "../errors.ts";
import { multiplyAdds, shareBehind } from "../onnx/cost.ts";
import type { Layer } from "../onnx/layers.ts";
import { whyUnread } from "../onnx/response-views.ts";
import { whyNotRotated } from "../rotation/direction-plan.ts";
import type { Model } from "../runtime/open-model.ts";
import { chooseLayers } from "./choose-layers.ts";
import type { Experiment } from "./experiment.ts";

/** What a caller may choose. */
export interface StudyChoice {
  /** Names of layers; by default the last convolution. */
  readonly layers?: readonly string[] | undefined;
  /** Every layer but the logits, instead of `layers`. */
  readonly all?: boolean | undefined;
  /** Sets of concepts, as for `attributes`; the rendered one by default, none for an empty list. */
  readonly concepts?: readonly string[] | undefined;
  /** A first look: fewer images and sequences, no nulls of concepts. */
  readonly quick?: boolean | undefined;
  readonly workers?: number | undefined;
}

/** One step of a study. */
export interface StudyStep {
  readonly title: "ablation" | "concepts" | "attributes" | "unit sets" | "rotation" | "figures";
  readonly experiment: Experiment;
  /** Titles of the steps that it is made from. */
  readonly reads: readonly StudyStep["title"][];
  /** What it takes, as a share: about seconds for the shipped network on two cores. */
  readonly weight: number;
  /** Parts that its progress comes in. */
  readonly parts: number;
}

/** The steps of a study, each after those that it reads. */
export function planStudy(
  subject: { readonly model: Model; readonly modelPath: string; readonly data: string },
  layers: readonly Layer[],
  {
    concepts = ["builtin"],
    quick = false,
    workers,
    ablation = {},
  }: StudyChoice & {
    readonly ablation?: Omit<Extract<Experiment, { kind: "ablate" }>["options"], "layers" | "all">;
  } = {},
): StudyStep[] {
  const names = layers.map(({ name }) => name);
  const deepest = [deepestOf(layers).name];
  const read = layers.filter((layer) => whyUnread(layer) === undefined);
  const isRotated = whyNotRotated(subject.model, deepestOf(layers).tap) === undefined;
  const spatial = read.filter(({ height, width }) => height * width > 1).map(({ name }) => name);
  const { modelPath: model, data } = subject;
  const costs = multiplyAdds(subject.model.graph, subject.model.shapes);
  /** Whole passes that the removal of every unit once would take by what lies behind them. */
  const passes = ({ units, tap }: Layer): number => units * shareBehind(subject.model.graph, costs, tap);
  const all = layers.reduce((sum, layer) => sum + passes(layer), 0);
  const last = passes(deepestOf(layers));
  const step = (
    title: StudyStep["title"],
    experiment: Experiment,
    rest: Pick<StudyStep, "reads" | "weight"> & { parts?: number },
  ): StudyStep => ({ title, experiment, parts: 1, ...rest });
  const nulls = quick ? { shuffles: 0, randomUnits: 0, auroc: false } : {};
  return [
    step(
      "ablation",
      { kind: "ablate", model, data, options: { ...ablation, layers: names, workers } },
      { reads: [], weight: 4 * layers.length + 2 * all },
    ),
    ...(concepts.length > 0 && spatial.length > 0
      ? [
          step(
            "concepts",
            { kind: "concepts", options: { concepts, layers: spatial, workers, ...nulls } },
            { reads: ["ablation"], weight: (quick ? 4 : 12) * spatial.length, parts: (quick ? 2 : 5) * spatial.length },
          ),
        ]
      : []),
    ...(read.length > 0
      ? [
          step(
            "attributes",
            {
              kind: "attributes",
              options: { layers: read.map(({ name }) => name), workers, ...(quick && { shuffles: 50 }) },
            },
            { reads: ["ablation", "concepts"], weight: 4 + 4 * read.length, parts: 4 },
          ),
        ]
      : []),
    step(
      "unit sets",
      {
        kind: "sets",
        options: {
          layers: deepest,
          workers,
          ...(quick ? { strategies: ["greedy", "random"], size: 10, randomSequences: 20 } : { randomSequences: 20 }),
        },
      },
      { reads: ["ablation", "attributes"], weight: 2 + 6 * last },
    ),
    ...(isRotated
      ? [
          step(
            "rotation",
            {
              kind: "rotate",
              options: {
                layers: deepest,
                workers,
                seeds: quick ? 1 : 2,
                ...(quick && { pca: false }),
              },
            },
            { reads: ["ablation"], weight: quick ? 4 + 4 * last : 6 + 8 * last },
          ),
        ]
      : []),
    step("figures", { kind: "figures" }, { reads: ["ablation", "concepts", "attributes"], weight: 2 }),
  ];
}

/**
 * The layers that a study sweeps: those that were named, or the last convolution, the last layer where there is none.
 * @throws {UnitscopeError} `layer` for a name that none has, or if there is nothing to choose.
 */
export function studiedLayers(model: Model, { layers, all = false }: Pick<StudyChoice, "layers" | "all">): Layer[] {
  if (all || (layers && layers.length > 0)) return chooseLayers(model, { layers, all });
  const inner = model.layers.filter(({ isOutput }) => !isOutput);
  if (inner.length > 0) return [deepestOf(inner)];
  throw new UnitscopeError("layer", `model "${model.name}": expected a layer to ablate, got none`);
}

/** What a study of some layers leaves out, as sentences. */
export function lacksOf(model: Model, layers: readonly Layer[]): string[] {
  const why = whyNotRotated(model, deepestOf(layers).tap);
  return [...layers.map(whyUnread), why && `rotation left out: ${why}`].filter((lack) => lack !== undefined);
}

function deepestOf(layers: readonly Layer[]): Layer {
  return (layers.findLast(({ kind }) => kind === "convolution") ?? layers.at(-1)) as Layer;
}

/** Images that a first look takes at most. */
const quickImages = 10_000;
/** Multiplications of the network that a first look may take per step of its work, a few seconds' worth. */
const quickMultiplications = 3e11;
/** (unit, image) pairs of the studied layers: they are removed a few times over, by sets and rotations too. */
const quickPairs = 1e6;
/** Multiply-adds that removing every unit of the studied layers may repeat. */
const quickRepeated = 1e12;

/**
 * Images of every class for a first look: as many as take about a minute, and two at least. The same on every machine,
 * so that a first look continues on another.
 * @param studied the layers whose units are removed: what lies behind them is repeated for each.
 * @param classCount classes of the images.
 */
export function quickLimit(
  model: Model,
  studied: readonly Pick<Layer, "units" | "tap">[],
  classCount: number = model.classCount,
): number {
  const { graph, layers, shapes } = model;
  const multiplications = layers.reduce((sum, { weight, height, width }) => {
    const dims = weight === null ? undefined : graph.constants.get(weight)?.dims;
    return sum + (dims ? dims.reduce((product, dim) => product * dim, 1) * height * width : 0);
  }, 1);
  const units = studied.reduce((sum, layer) => sum + layer.units, 0);
  const costs = multiplyAdds(graph, shapes);
  const repeated = studied.reduce((sum, layer) => {
    const { recomputed } = planSuffix(model, layer.tap);
    return sum + layer.units * [...recomputed].reduce((own, node) => own + (costs.get(node) ?? 0), 0);
  }, 1);
  const images = Math.min(
    quickImages,
    quickMultiplications / multiplications,
    quickPairs / Math.max(1, units),
    quickRepeated / repeated,
  );
  return Math.max(2, Math.floor(images / classCount));
}
