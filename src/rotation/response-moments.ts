/**
 * Sums over images and positions of a layer's responses and of their products, from which the principal axes come.
 * Batches have a fixed size and their sums are added in double precision, exactly over the blocks, so that nothing depends on the number
 * of workers.
 */
import { type Pixels, pickImages } from "../ablation/plain-route.ts";
import { type ExactSums, exactSums, mergeSums, sumsOf } from "../numeric/exact-sums.ts";
import { symmetricEigen } from "../numeric/symmetric-eigen.ts";
import { cutTo } from "../onnx/edit.ts";
import { type Graph, intTensor, node } from "../onnx/graph.ts";
import type { Model } from "../runtime/open-model.ts";
import { openSession, type Session, type Value } from "../runtime/session.ts";

/** Sums of some images. */
export interface Moments {
  /** Values behind each sum: images × positions. */
  readonly count: number;
  /** `[units]`. */
  readonly sums: ExactSums;
  /** Row-major `[units, units]`. */
  readonly products: ExactSums;
}

const BATCH = 16;

/** Opens the network up to the tap, with the products of its channels. */
export async function openMoments(
  model: Model,
  tap: string,
): Promise<{ add(pixels: Pixels): Promise<Moments>; close(): Promise<void> }> {
  const { graph, input } = model;
  const [, units = 0, ...size] = (model.shapes.get(tap) ?? []) as number[];
  const positions = size.reduce((a, b) => a * b, 1);
  const isMap = size.length > 0;
  const nodes = [
    ...(isMap ? [node("Transpose", [tap], ["moments/last"], { perm: [0, 2, 3, 1] })] : []),
    node("Reshape", [isMap ? "moments/last" : tap, "moments/shape"], ["moments/rows"]),
    node("Transpose", ["moments/rows"], ["moments/columns"], { perm: [1, 0] }),
    node("MatMul", ["moments/columns", "moments/rows"], ["moments/products"]),
  ];
  const whole: Graph = {
    ...graph,
    nodes: [...graph.nodes, ...nodes],
    constants: new Map([...graph.constants, ["moments/shape", intTensor([-1, units])] as const]),
  };
  const session: Session = await openSession(cutTo(whole, ["moments/rows", "moments/products"]), {
    place: `model "${model.name}"`,
  });
  return {
    add: async (pixels) => {
      const rows = Int32Array.from({ length: pixels.count }, (_, row) => row);
      const sums = new Float64Array(units);
      const products = new Float64Array(units * units);
      for (let start = 0; start < pixels.count; start += BATCH) {
        const count = Math.min(BATCH, pixels.count - start);
        const results = await session.run({ [input.name]: pickImages(pixels, rows, { start, count }) });
        values(results, "moments/rows").forEach((value, i) => {
          sums[i % units] += value;
        });
        values(results, "moments/products").forEach((value, i) => {
          products[i] += value;
        });
      }
      return { count: pixels.count * positions, sums: exactSums(sums), products: exactSums(products) };
    },
    close: () => session.close(),
  };
}

function values(results: Record<string, Value>, name: string): Float32Array {
  return (results[name] as Value<Float32Array>).data;
}

/** Sums of all from those of disjoint images. */
export function mergeMoments(parts: readonly Moments[]): Moments {
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    sums: mergeSums(parts.map(({ sums }) => sums)),
    products: mergeSums(parts.map(({ products }) => products)),
  };
}

/** Principal axes of the responses, the most variance first. */
export interface PrincipalAxes {
  /** Row `k` is the `k`-th axis, orthonormal, float64 `[units, units]`. */
  readonly axes: Float64Array;
  /** Fraction of the variance along each axis, `[units]`; 0 for a response that never changes. */
  readonly explained: Float64Array;
}

/** The axes of the covariance over images and positions. */
export function principalAxes(moments: Moments): PrincipalAxes {
  const { count } = moments;
  const sums = sumsOf(moments.sums);
  const units = sums.length;
  const covariance = sumsOf(moments.products).map((sum, i) => {
    const [a, b] = [sums[Math.floor(i / units)], sums[i % units]];
    return sum / count - (a / count) * (b / count);
  });
  const { values, vectors } = symmetricEigen(covariance, units);
  const kept = values.map((value) => Math.max(0, value));
  const total = kept.reduce((sum, value) => sum + value, 0);
  return { axes: vectors, explained: kept.map((value) => (total > 0 ? value / total : 0)) };
}
