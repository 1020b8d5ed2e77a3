/**
 * Tensors in which images stand inside another axis (tokens first, windows of images) as tensors of one row an image, and
 * back: what is kept between runs and picked by row is always of the second form.
 */
import { intTensor, type Node, node, type Tensor } from "../onnx/graph.ts";
import { isBatchFirst, type RowFact, rowsOf } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";
import { sizesOf } from "./channel-tensor.ts";

/** Where nodes and constants are added. */
export interface GraphParts {
  readonly nodes: Node[];
  readonly constants: Map<string, Tensor>;
}

/** How a tensor is turned; `null` for one that has one row an image already. */
export interface RowForm {
  /** Numbers of an image before and behind the images' axis. */
  readonly before: number;
  readonly behind: number;
  /** The tensor's own shape, −1 where the images are. */
  readonly target: readonly number[];
}

/** The form of a tensor whose rows are proven. */
export function rowForm(
  name: string,
  facts: ReadonlyMap<string, RowFact>,
  shapes: ReadonlyMap<string, Shape>,
): RowForm | null {
  const rows = rowsOf(facts.get(name));
  const dims = sizesOf(shapes.get(name), rows);
  if (!rows || !dims || isBatchFirst(rows)) return null;
  const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);
  return {
    before: product(dims.slice(0, rows.axis)) * rows.outer,
    behind: rows.inner * product(dims.slice(rows.axis + 1)),
    target: dims.map((dim, axis) => (axis === rows.axis ? -1 : dim)),
  };
}

/** The tensor with one row an image, `[N, before, behind]`; itself where it has that form. */
export function toRows(tensor: string, form: RowForm | null, { nodes, constants }: GraphParts): string {
  if (!form) return tensor;
  const name = `unitscope/rows_of/${tensor}`;
  if (constants.has(`${name}/shape`)) return name;
  constants.set(`${name}/shape`, intTensor([form.before, -1, form.behind]));
  nodes.push(
    node("Reshape", [tensor, `${name}/shape`], [`${name}/split`]),
    node("Transpose", [`${name}/split`], [name], { perm: [1, 0, 2] }),
  );
  return name;
}

/** Back to the tensor's own form. */
export function fromRows(rows: string, form: RowForm | null, { nodes, constants }: GraphParts): string {
  if (!form) return rows;
  const name = `${rows}/own`;
  constants.set(`${name}/shape`, intTensor([...form.target]));
  constants.set(`${name}/parts`, intTensor([-1, form.before, form.behind]));
  nodes.push(
    node("Reshape", [rows, `${name}/parts`], [`${name}/split`]),
    node("Transpose", [`${name}/split`], [`${name}/turned`], { perm: [1, 0, 2] }),
    node("Reshape", [`${name}/turned`, `${name}/shape`], [name]),
  );
  return name;
}
