/**
 * Arithmetic on dimensions that may be free. A free dimension is written by its name, a whole multiple of it as `"3*N"`
 * (windows of an image, heads of an attention): what is `k` times as long for every image.
 */
import type { Dim } from "./graph.ts";

/** Shape of a tensor, one entry a dimension. */
export type Shape = readonly Dim[];

/** The factor and name of a free dimension: `"N"` is 1 of N; undefined for a number or an unknown one. */
export function freeDim(dim: Dim | undefined): { readonly factor: number; readonly name: string } | undefined {
  if (typeof dim !== "string") return undefined;
  const match = /^(\d+)\*(.+)$/.exec(dim);
  return match ? { factor: Number(match[1]), name: match[2] } : { factor: 1, name: dim };
}

/** `factor` times a free dimension. */
export function scaledDim(factor: number, name: string): Dim {
  return factor === 1 ? name : `${factor}*${name}`;
}

/** The product of some dimensions; `null` where two of them are free or one is unknown. */
export function multiplyDims(dims: readonly Dim[]): Dim {
  let factor = 1;
  let name: string | undefined;
  for (const dim of dims) {
    const free = freeDim(dim);
    if (typeof dim === "number") factor *= dim;
    else if (!free || name !== undefined) return null;
    else {
      factor *= free.factor;
      name = free.name;
    }
  }
  return name === undefined ? factor : scaledDim(factor, name);
}

/** The first product divided by the second: how long what is left over is; `null` where it does not come out even. */
export function divideDims(whole: readonly Dim[], by: readonly Dim[]): Dim {
  const [a, b] = [multiplyDims(whole), multiplyDims(by)];
  if (a === null || b === null) return null;
  const [left, right] = [freeDim(a), freeDim(b)];
  const [dividend, divisor] = [left?.factor ?? Number(a), right?.factor ?? Number(b)];
  if ((right && right.name !== left?.name) || dividend % divisor !== 0) return null;
  return left && !right ? scaledDim(dividend / divisor, left.name) : dividend / divisor;
}

/** The sum of some dimensions, where all are numbers. */
export function addDims(dims: readonly Dim[]): Dim {
  let sum = 0;
  for (const dim of dims) {
    if (typeof dim !== "number") return null;
    sum += dim;
  }
  return sum;
}

/** The shape that tensors of these two shapes are broadcast to. */
export function broadcast(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (!a || !b) return undefined;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i): Dim => {
    const left = i < rank - a.length ? 1 : a[i - rank + a.length];
    const right = i < rank - b.length ? 1 : b[i - rank + b.length];
    if (left === 1) return right;
    if (right === 1 || left === right) return left;
    return typeof left === "number" ? left : right;
  });
}

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The number of elements of dimensions that are all numbers. */
export function knownSize(dims: readonly Dim[]): number | undefined {
  const size = multiplyDims(dims);
  return typeof size === "number" ? size : undefined;
}
