/**
 * Where the images of a batch stand in a tensor, and what the rules of `row-rules.ts` are made of.
 */

import { axisOf, type Shape } from "./dims.ts";
import type { Node, Tensor } from "./graph.ts";

/** The images lie along one axis, which is `outer · N · inner` long: image `n` has the entries `(o, n, i)`. */
export interface Rows {
  readonly axis: number;
  readonly outer: number;
  readonly inner: number;
}

/** `constant`: the same for every image and batch; `count`: depends on the number of images alone; undefined: not proven. */
export type RowFact = Rows | "constant" | "count" | undefined;

/** What a rule sees. At least one input has rows, and none is unproven. */
export interface RowContext {
  readonly node: Node;
  readonly facts: readonly RowFact[];
  readonly shapes: readonly (Shape | undefined)[];
  /** Of the first output. */
  readonly output: Shape | undefined;
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly opset: number;
}

/** Where the images stand in the outputs; undefined where that is not proven. */
export type RowRule = (context: RowContext) => Rows | undefined;

/** The rows of a fact that has some. */
export function rowsOf(fact: RowFact): Rows | undefined {
  return typeof fact === "object" ? fact : undefined;
}

/** Whether every image is one entry of the first axis. */
export function isBatchFirst(fact: RowFact): boolean {
  const rows = rowsOf(fact);
  return rows !== undefined && rows.axis === 0 && rows.outer === 1 && rows.inner === 1;
}

/** Whether images stand alike. */
export function isSame(a: Rows, b: Rows): boolean {
  return a.axis === b.axis && a.outer === b.outer && a.inner === b.inner;
}

/** The rows of one input, where no other has any. */
export function only({ facts: given }: RowContext, index: number): Rows | undefined {
  return given.every((fact, i) => i === index || !rowsOf(fact)) ? rowsOf(given[index]) : undefined;
}

/** The facts of some inputs. */
export function facts(context: RowContext, inputs: readonly number[]): RowFact[] {
  return inputs.map((i) => context.facts[i]);
}

/** The rows of the first input, if the axes that the operator works along are not theirs. */
export function besides(context: RowContext, axes: readonly number[]): Rows | undefined {
  const rows = only(context, 0);
  const rank = context.shapes[0]?.length;
  if (!rows || rank === undefined) return undefined;
  return axes.some((axis) => axisOf(axis, rank) === rows.axis) ? undefined : rows;
}

/** Rows after axes before or behind theirs are reduced. */
export function without(rows: Rows, axes: readonly number[], keeps: boolean): Rows | undefined {
  if (axes.includes(rows.axis)) return undefined;
  return keeps ? rows : { ...rows, axis: rows.axis - axes.filter((axis) => axis < rows.axis).length };
}

/** Whether a slice takes the whole of its axis. */
export function takesAll(
  { starts, ends, steps }: { starts: readonly number[]; ends: readonly number[]; steps: readonly number[] },
  i: number,
): boolean {
  return starts[i] === 0 && steps[i] === 1 && ends[i] >= 2 ** 31 - 1;
}

/** Entries of a shape; undefined where one is not known. */
export function size(dims: Shape): number | undefined {
  let product = 1;
  for (const dim of dims) {
    if (typeof dim !== "number") return undefined;
    product *= dim;
  }
  return product;
}
