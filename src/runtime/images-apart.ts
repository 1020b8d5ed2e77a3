/** Whether images of a batch stay apart, shown by running images of noise together with others. */
import { cutTo } from "../onnx/edit.ts";
import type { Graph } from "../onnx/graph.ts";
import type { ImageInput } from "../onnx/image-input.ts";
import type { Layer, LeftOut } from "../onnx/layers.ts";
import type { Shape } from "../onnx/shapes.ts";
import { noise, type Runner } from "./measure-graph.ts";
import type { Value } from "./session.ts";

/** Images of noise, and others of which only the first is the same. */
function feedsOf({ name, channels, height, width, layout }: ImageInput, count: number): Record<string, Value>[] {
  const dims = layout === "nchw" ? [count, channels, height, width] : [count, height, width, channels];
  const [a, b] = [noise(dims), noise(dims, 7)];
  const mixed = Float32Array.from(b.data);
  mixed.set(a.data.subarray(0, a.data.length / count));
  return [{ [name]: a }, { [name]: { ...a, data: mixed } }];
}

/** Numbers closer than this share of the largest are the same. */
const SAME = 1e-4;

function largest(values: Float32Array): number {
  let scale = 0;
  for (const value of values) scale = Math.max(scale, Math.abs(value));
  return scale;
}

/** Whether logits of images of noise are the same whatever other images are beside them. */
export async function isPerImage(
  graph: Graph,
  logits: string,
  { input, run, count }: { input: ImageInput; run: Runner; count: number },
): Promise<boolean> {
  const results = await run(graph, feedsOf(input, count));
  const [one, other] = results.map((each) => each[logits]?.data as Float32Array);
  if (!one || !other || one.length !== other.length) return false;
  const classes = one.length / count;
  const scale = largest(one);
  for (let cls = 0; cls < classes; cls++) if (!(Math.abs(one[cls] - other[cls]) <= SAME * scale)) return false;
  return true;
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
  const [one, other] = await run(cutTo({ ...graph, outputs: [] }, tensors), feedsOf(input, batch));
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
