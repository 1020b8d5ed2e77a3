/** Whether images of a batch stay apart, shown by running images of noise together with others. */
import { cutTo } from "../onnx/edit.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import type { ImageInput } from "../onnx/image-input.ts";
import type { Layer, LeftOut } from "../onnx/layers.ts";
import { type RowFact, rowsOf } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";
import { noise, type Runner } from "./measure-graph.ts";
import type { Value } from "./session.ts";

/** `count` images of noise; the first of them before others of noise; and the last of them there, or alone. */
function feedsOf(
  { name, channels, height, width, layout }: ImageInput,
  { count, isFree }: { count: number; isFree: boolean },
): [all: Record<string, Value>, first: Record<string, Value>, last: Record<string, Value>] {
  const image = layout === "nchw" ? [channels, height, width] : [height, width, channels];
  const all = noise([count, ...image]);
  const size = all.data.length / count;
  const among = (index: number, others: number): Record<string, Value> => {
    const mixed = noise([others, ...image], 7);
    mixed.data.set(all.data.subarray(index * size, (index + 1) * size));
    return { [name]: mixed };
  };
  return [{ [name]: all }, among(0, isFree ? count - 1 : count), among(count - 1, isFree ? 1 : count)];
}

/** Numbers closer than this share of the largest are the same. */
const SAME = 1e-4;

function largest(values: Float32Array): number {
  let scale = 0;
  for (const value of values) scale = Math.max(scale, Math.abs(value));
  return scale;
}

/**
 * Whether logits of images of noise are the same whatever other images are beside them and wherever they stand; with
 * `isFree`, also however many there are. The last image counts too: a recurrence over the batch leaves the first one alone.
 */
export async function isPerImage(
  graph: Graph,
  logits: string,
  { input, run, count, isFree }: { input: ImageInput; run: Runner; count: number; isFree: boolean },
): Promise<boolean> {
  const results = await run(graph, feedsOf(input, { count, isFree }));
  const [one, first, last] = results.map((each) => each[logits]?.data as Float32Array);
  if (!one || !first || !last) return false;
  const classes = one.length / count;
  const scale = largest(one);
  for (let cls = 0; cls < classes; cls++) {
    if (!(Math.abs(one[cls] - first[cls]) <= SAME * scale)) return false;
    if (!(Math.abs(one[one.length - classes + cls] - last[cls]) <= SAME * scale)) return false;
  }
  return true;
}

/** How many of an operator's inputs hold numbers of images, where the others say how long axes are. */
const inputsOfNumbers = new Map([
  ...["Reshape", "Expand", "Tile", "Resize"].map((op) => [op, 1] as const),
  ["ConstantOfShape", 0],
]);

/**
 * The first operator that computes with numbers which follow the number of images (a division by it, a choice by it,
 * numbers of the images spread out to them): what an image gives may then depend on that number, or on where it stands.
 */
export function countReader(graph: Graph, facts: ReadonlyMap<string, RowFact>): Node | undefined {
  return graph.nodes.find((each) => {
    if (!rowsOf(facts.get(each.outputs[0] ?? ""))) return false;
    return each.inputs.slice(0, inputsOfNumbers.get(each.op)).some((name) => facts.get(name) === "count");
  });
}

/**
 * Layers of a graph of a fixed number of images without those whose "units" are channels of single images: there the
 * images stand along the axis of the units (`[1, N·C, H, W]`, as for a convolution with weights of each image's own). Where
 * they stand elsewhere, each unit has its share of the first image's numbers, which do not change with the other images.
 */
export async function withoutMixed(
  { layers, leftOut }: { layers: Layer[]; leftOut: LeftOut[] },
  {
    graph,
    shapes,
    input,
    batch,
    run,
  }: { graph: Graph; shapes: ReadonlyMap<string, Shape>; input: ImageInput; batch: number | null; run: Runner },
): Promise<{ layers: Layer[]; leftOut: LeftOut[] }> {
  if (batch === null || batch === 1) return { layers, leftOut };
  const unsure = layers.filter(({ output }) => shapes.get(output)?.[0] !== batch);
  if (unsure.length === 0) return { layers, leftOut };
  const tensors = [...new Set(unsure.map(({ output }) => output))];
  const [one, other] = await run(
    cutTo({ ...graph, outputs: [] }, tensors),
    feedsOf(input, { count: batch, isFree: false }).slice(0, 2),
  );
  const mixed = unsure.filter(({ output, axis }) => isMixed(one?.[output], other?.[output], { axis, batch }));
  const reason = `the images of a batch of ${batch} stand along the axis of its units`;
  return {
    layers: layers.filter((layer) => !mixed.includes(layer)),
    leftOut: [...leftOut, ...mixed.map(({ tap }) => ({ tensor: tap, reason, isMixed: true }))],
  };
}

/** Whether a unit has fewer numbers that stay the same than the first image's share. */
function isMixed(
  one: Value | undefined,
  other: Value | undefined,
  { axis, batch }: { axis: number; batch: number },
): boolean {
  const [a, b] = [one?.data, other?.data];
  if (!one || !(a instanceof Float32Array) || !(b instanceof Float32Array) || a.length !== b.length) return true;
  const units = one.dims[axis];
  const inner = one.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const same = new Float64Array(units);
  const scale = largest(a);
  a.forEach((value, at) => {
    if (Math.abs(value - b[at]) <= SAME * scale) same[Math.floor(at / inner) % units]++;
  });
  return same.some((count) => count < a.length / units / batch);
}
