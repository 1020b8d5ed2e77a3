/**
 * From the graph of a file to a classifier whose layers can be ablated: images in, logits out, and proven of every tensor
 * where each image's part stands. Free of any one runtime.
 */
import { UnitscopeError } from "../errors.ts";
import { takeBranches } from "../onnx/branches.ts";
import { cutTo, raiseOpset } from "../onnx/edit.ts";
import { hasOtherFloats, inSinglePrecision } from "../onnx/element-types.ts";
import { foldConstants } from "../onnx/fold.ts";
import { freeBatch } from "../onnx/free-batch.ts";
import { withoutFusions, withStableLogarithms } from "../onnx/fusions.ts";
import type { Graph } from "../onnx/graph.ts";
import { findImageInput, type ImageInput, type ImageSize, withImageInput } from "../onnx/image-input.ts";
import { surveyLayers } from "../onnx/layers.ts";
import { type Classes, findLogits } from "../onnx/logits.ts";
import { mayJump } from "../onnx/operators.ts";
import { type Reading, readingOf } from "../onnx/probabilities.ts";
import { withoutRandom } from "../onnx/random-operators.ts";
import { resolveShapes } from "../onnx/resolve-shapes.ts";
import { isBatchFirst, type RowFact, rowsOf, traceRows } from "../onnx/rows.ts";
import { inferShapes, type Shape } from "../onnx/shapes.ts";
import { countReader, isPerImage, withoutMixed } from "./images-apart.ts";
import { computeConstants, measure, noise, type Runner, settleCounts } from "./measure-graph.ts";
import { type Model, USUAL_TOLERANCE } from "./model.ts";

/** How many outputs a network has, and the metadata that may tell their names. */
export interface LabelledOutputs {
  readonly classCount: number;
  readonly metadata: ReadonlyMap<string, string>;
}

/** What the caller may know better than the file. */
export interface OpenOptions {
  /** The output that holds the classes, where the file has several. */
  readonly output?: string | undefined;
  /**
   * The number of one of several labels, each with a probability of its own, or what finds it among a network's outputs:
   * the classes are then two, the label's absence and its presence.
   */
  readonly label?: number | ((outputs: LabelledOutputs) => number) | undefined;
  /** Height and width of the images, for a network that takes any. */
  readonly size?: ImageSize | undefined;
}

/**
 * Prepares a classifier.
 * @throws {UnitscopeError} `model` if the graph is no image classifier, naming what is in the way.
 */
export async function prepareModel(
  file: Graph,
  { place, run, output, label, size }: OpenOptions & { place: string; run: Runner },
): Promise<Omit<Model, "name" | "sha256">> {
  const notes: string[] = [];
  // What no output needs is no part of the classifier.
  const straight = withStableLogarithms(takeBranches(withoutFusions(file, place), place));
  const { graph: needed, left } = withoutRandom(
    cutTo(
      straight,
      straight.outputs.map((port) => port.name),
    ),
    place,
  );
  if (left.length > 0) notes.push(`exported in training mode: nothing is dropped at Dropout "${left.join('", "')}"`);
  const found = findImageInput(needed, { place, size });
  const { input, ownBatch } = found;
  if (hasOtherFloats(needed)) notes.push("floats of 16 or 64 bits are computed in 32 bits");
  const source = raiseOpset(inSinglePrecision(needed));
  const whole = await settleConstants(withImageInput(source, input, ownBatch ?? "N"), input, run);
  const { metadata } = file;
  const pickLabel = (classCount: number): number =>
    typeof label === "function" ? label({ classCount, metadata }) : (label ?? 0);
  const which = { output, label: label === undefined ? undefined : pickLabel };
  const attempt = (from: Graph, batch: number | null): Promise<Attempt> =>
    settle(from, { input, batch, run, place, ...which });
  const { graph, logits, shapes, rows, batch, known, classes, said } = await attempt(whole, null).catch(
    async (cause: unknown) => {
      if (!(cause instanceof UnitscopeError) || cause.code === "internal" || cause.details["needs"]) throw cause;
      // Sizes that are computed from those of a fixed number of images are known, and can be followed as numbers.
      const resolved = ownBatch === null ? whole : resolveShapes(whole);
      if (resolved !== whole) {
        const freed = await attempt(resolved, null).catch(() => undefined);
        if (freed) return freed;
      }
      return attempt(whole, ownBatch ?? 1).catch((own: unknown) => {
        throw own instanceof UnitscopeError && own.details["isMixed"] ? own : cause;
      });
    },
  );
  notes.push(...said);
  const { layers, leftOut } = await withoutMixed(surveyLayers(graph, { shapes, logits, input, rows, batch }), {
    graph,
    ...{ shapes, input, batch, run },
  });
  const jumps = graph.nodes.find(
    (node) =>
      mayJump(node) &&
      !node.outputs[0]?.startsWith("unitscope/image/") &&
      node.inputs.some((name) => isOfImage(known.get(name), name, graph)),
  );
  if (jumps) {
    notes.push(
      `${jumps.op} "${jumps.name}" may turn rounding into another result: every prediction is made one image at a time`,
    );
  }
  return {
    graph,
    input,
    logits,
    head: classes.head,
    classCount: classes.classCount,
    layers,
    leftOut,
    shapes,
    rows,
    batch,
    tieTolerance: jumps ? Infinity : USUAL_TOLERANCE,
    logitFloor: classes.logitCount === 1 ? Number.NaN : 0,
    notes,
    metadata,
  };
}

/** A classifier at a number of images. */
interface Attempt {
  readonly graph: Graph;
  readonly logits: string;
  readonly classes: Classes;
  readonly shapes: ReadonlyMap<string, Shape>;
  /** What is proven with any number of images. */
  readonly known: ReadonlyMap<string, RowFact>;
  readonly rows: ReadonlyMap<string, RowFact>;
  readonly batch: number | null;
  readonly said: readonly string[];
}

/** Finds shapes, logits and rows, with the batch freed (`null`) or at a number of images. */
async function settle(
  whole: Graph,
  {
    input,
    batch,
    run,
    place,
    ...which
  }: Pick<Parameters<typeof findLogits>[1], "output" | "label"> & {
    input: ImageInput;
    batch: number | null;
    run: Runner;
    place: string;
  },
): Promise<Attempt> {
  const start = batch === null ? freeBatch(whole, input.name) : withImageInput(whole, input, batch);
  const settled = await settleShapes(resolveShapes(foldConstants(start)), { input, run, batch });
  const seen = { shapes: settled.shapes, place, ...which };
  const taken = findLogits(settled.graph, seen);
  const reading = taken.unsure && (await readOutput(settled.graph, taken.unsure, { input, run, batch }));
  const classes = reading ? findLogits(settled.graph, { ...seen, reading }) : taken;
  const { graph, logits } = classes;
  const shapes = inferShapes(graph, settled.measured);
  const known = traceRows(graph, { input: input.name, shapes });
  const said = [...classes.notes];
  if (batch !== null) {
    said.push(
      `runs at ${batch} image${batch === 1 ? "" : "s"} at a time: it does not run with another number of images`,
    );
  }
  const found = await settleBatch(classes, { input, known, batch, run, place, notes: said });
  return { graph, logits, classes, shapes, known, said, ...found };
}

/** What the numbers of an output are: those of some images of noise are looked at. */
async function readOutput(
  graph: Graph,
  { tensor, width }: NonNullable<Classes["unsure"]>,
  { input, run, batch }: { input: ImageInput; run: Runner; batch: number | null },
): Promise<Reading> {
  const { channels, height, width: across, layout } = input;
  const count = batch ?? 3;
  const dims = layout === "nchw" ? [count, channels, height, across] : [count, height, across, channels];
  const [values] = await run(cutTo({ ...graph, outputs: [] }, [tensor]), [{ [input.name]: noise(dims) }]);
  const found = values?.[tensor]?.data;
  return found instanceof Float32Array ? readingOf(found, width) : "logits";
}

/** Computes what no image changes. */
async function settleConstants(start: Graph, input: ImageInput, run: Runner): Promise<Graph> {
  const folded = foldConstants(start);
  const facts = traceRows(folded, { input: input.name, shapes: inferShapes(folded) });
  return computeConstants(folded, facts, run);
}

async function settleShapes(
  start: Graph,
  { input, run, batch }: { input: ImageInput; run: Runner; batch: number | null },
): Promise<{ graph: Graph; shapes: ReadonlyMap<string, Shape>; measured: ReadonlyMap<string, Shape> }> {
  const shapes = inferShapes(start);
  const facts = traceRows(start, { input: input.name, shapes });
  const tensors = tensorsOf(start);
  const counts = tensors.filter((name) => facts.get(name) === "count");
  if (tensors.every((name) => isKnown(shapes.get(name))) && counts.length === 0) {
    return { graph: start, shapes, measured: new Map() };
  }
  const { channels, height, width } = input;
  const imageDims = input.layout === "nchw" ? [channels, height, width] : [height, width, channels];
  const measuring = { input: input.name, imageDims, run, batch };
  // Every tensor that is asked for stays in memory until the end of the run, so few are asked for first.
  const first = await measure(start, { ...measuring, tensors: besideCounts(start, facts), counts });
  const settled = foldConstants(settleCounts(start, { input: input.name, shapes: first.shapes, counts: first.counts }));
  const graph = await settleConstants(settled, input, run);
  const given = inferShapes(graph, first.shapes);
  const left = tensorsOf(graph).filter((name) => !isKnown(given.get(name)));
  if (left.length === 0) return { graph, shapes: given, measured: first.shapes };
  const rest = await measure(graph, { ...measuring, tensors: left, counts: [] });
  const measured = new Map([...first.shapes, ...rest.shapes]);
  return { graph, shapes: inferShapes(graph, measured), measured };
}

/** Tensors whose shapes say what the numbers that follow the number of images are for: read by `Shape`, made from such numbers. */
function besideCounts(graph: Graph, facts: ReadonlyMap<string, RowFact>): string[] {
  const isCount = (name: string): boolean => facts.get(name) === "count";
  const found = graph.nodes.flatMap((node) =>
    node.inputs.some(isCount) || node.outputs.some(isCount) ? [...node.inputs, ...node.outputs] : [],
  );
  const made = new Set(tensorsOf(graph));
  return [...new Set(found)].filter((name) => made.has(name) && !isCount(name));
}

/** What the nodes compute, but for sequences of tensors, which have no shape. */
function tensorsOf({ nodes }: Graph): string[] {
  const tensors = nodes.filter(({ op }) => !/^SplitToSequence$|^Sequence(Construct|Empty|Erase|Insert)$/.test(op));
  return tensors.flatMap((node) => node.outputs.filter((name) => name !== ""));
}

/** Whether each image's logits are its own: proven, or else shown by running images together and alone. */
async function settleBatch(
  { graph, logits }: Classes,
  {
    input,
    known,
    batch,
    run,
    place,
    notes,
  }: {
    input: ImageInput;
    known: Map<string, RowFact>;
    batch: number | null;
    run: Runner;
    place: string;
    notes: string[];
  },
): Promise<{ batch: number | null; rows: Map<string, RowFact> }> {
  const fixedFacts = (): Map<string, RowFact> => new Map([...known].filter(([, fact]) => !rowsOf(fact)));
  if (batch !== null) {
    if (batch === 1) return { batch: 1, rows: fixedFacts() };
    const isOwn = await isPerImage(graph, logits, { input, run, count: batch, isFree: false });
    if (isOwn) return { batch, rows: fixedFacts() };
    throw new UnitscopeError(
      "model",
      `${place}: expected each image's logits to be its own, got a network of ${batch} images whose logits depend on each other or on their places (${unprovenAt(graph, known)})`,
      { details: { isMixed: true } },
    );
  }
  const reader = countReader(graph, known);
  if (isBatchFirst(known.get(logits)) && !reader) return { batch: null, rows: known };
  if (await isPerImage(graph, logits, { input, run, count: 3, isFree: true })) return { batch: null, rows: known };
  const at = reader ? `${reader.op} "${reader.name}"` : unprovenAt(graph, known);
  notes.push(`runs one image at a time: images of a batch are mixed (${at})`);
  return { batch: 1, rows: fixedFacts() };
}

/** The first operator of which it is not proven that images stay apart. */
function unprovenAt(graph: Graph, known: ReadonlyMap<string, RowFact>): string {
  const node = graph.nodes.find((each) => known.get(each.outputs[0] ?? "") === undefined);
  return node ? `${node.op} "${node.name}"` : "operators unknown";
}

function isOfImage(fact: RowFact, name: string, graph: Graph): boolean {
  return name !== "" && fact !== "constant" && fact !== "count" && !graph.constants.has(name);
}

function isKnown(shape: Shape | undefined): boolean {
  return shape !== undefined && !shape.includes(null);
}
