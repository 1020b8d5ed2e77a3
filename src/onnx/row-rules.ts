/**
 * Where the images of a batch stand in a tensor, operator by operator: the rules that the table of operators names.
 *
 * A rule is a proof step: it answers only where every image's part of the output is computed from the same image's parts
 * of the inputs (and from what is the same for all images), and by the same function whatever the batch.
 */
import { axisOf, freeDim, type Shape } from "./dims.ts";
import { intAttribute, intsAttribute, stringAttribute } from "./graph.ts";
import { besides, facts, isSame, only, type RowRule, type Rows, rowsOf, size, takesAll, without } from "./row-facts.ts";
import { axesOf, reducedAxes } from "./shape-rules.ts";
import { padsOf, sliceParts } from "./slice-and-pad.ts";

/** One tensor in, one of the same shape out, whatever the axes. */
export const kept: RowRule = (context) => only(context, 0);

/** Elementwise over inputs that are broadcast against each other. */
export const broadcasting: RowRule = ({ facts, shapes, output }) => {
  if (!output) return undefined;
  let found: Rows | undefined;
  for (const [i, fact] of facts.entries()) {
    const rows = rowsOf(fact);
    const shape = shapes[i];
    if (!rows || !shape) continue;
    const aligned = { ...rows, axis: rows.axis + output.length - shape.length };
    if (found && !isSame(found, aligned)) return undefined;
    found = aligned;
  }
  if (!found) return undefined;
  // What is the same for all images must be one row, or nothing, along the images' axis.
  for (const [i, fact] of facts.entries()) {
    if (rowsOf(fact) || !shapes[i]) continue;
    const at = found.axis - (output.length - shapes[i].length);
    if (at >= 0 && shapes[i][at] !== 1) return undefined;
  }
  return found;
};

/** Operators that treat every entry of the first axis alone; other inputs are weights. */
export const perEntry: RowRule = (context) => {
  const rows = only(context, 0);
  return rows?.axis === 0 ? rows : undefined;
};

/** Batch normalisation with stored statistics: each entry for itself, if the parameters are the same for all images. */
export const batchNorm: RowRule = (context) =>
  intAttribute(context.node, "training_mode", 0) === 0 ? perEntry(context) : undefined;

/** A product whose rows or stacked matrices are the images; not one that sums over them. */
export const matMul: RowRule = ({ facts, shapes, output }) => {
  const [a, b] = [rowsOf(facts[0]), rowsOf(facts[1])];
  const [left, right] = shapes;
  if (!left || !right || !output || left.length < 2 || right.length < 2) return undefined;
  const lift = (rows: Rows, shape: Shape): Rows => ({ ...rows, axis: rows.axis + output.length - shape.length });
  if (a && b) {
    const [x, y] = [lift(a, left), lift(b, right)];
    return isSame(x, y) && x.axis < output.length - 2 ? x : undefined;
  }
  if (a) {
    if (a.axis === left.length - 1) return undefined;
    const lifted = lift(a, left);
    const beside = lifted.axis < output.length - 2 ? right[lifted.axis - (output.length - right.length)] : 1;
    return beside === undefined || beside === 1 ? lifted : undefined;
  }
  if (!b || b.axis === right.length - 2) return undefined;
  const lifted = lift(b, right);
  const beside = lifted.axis < output.length - 2 ? left[lifted.axis - (output.length - left.length)] : 1;
  return beside === undefined || beside === 1 ? lifted : undefined;
};

/** A product of a matrix of images with one that is the same for all. */
export const gemm: RowRule = ({ node, facts, shapes }) => {
  const [a, b, c] = facts.map(rowsOf);
  if (b || !a || a.axis !== (intAttribute(node, "transA", 0) ? 1 : 0)) return undefined;
  const rows = { ...a, axis: 0 };
  if (c) return isSame(rows, c) && shapes[2]?.length === 2 ? rows : undefined;
  const bias = shapes[2];
  return !facts[2] || !bias || bias.length < 2 || bias[0] === 1 ? rows : undefined;
};

/** The images' axis goes where the permutation puts it. */
export const transpose: RowRule = (context) => {
  const rows = only(context, 0);
  const rank = context.shapes[0]?.length;
  if (!rows || rank === undefined) return undefined;
  const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return { ...rows, axis: intsAttribute(context.node, "perm", reversed).indexOf(rows.axis) };
};

/** Reshapes keep the order of the elements: the images' stride tells where they stand afterwards. */
export const reshape: RowRule = (context) => {
  const rows = only(context, 0);
  const from = context.shapes[0];
  return rows && from && context.output ? relocated(rows, from, context.output) : undefined;
};

/** Where rows stand in another shape of the same elements. */
export function relocated(rows: Rows, from: Shape, to: Shape): Rows | undefined {
  const before = size(from.slice(0, rows.axis));
  const after = size(from.slice(rows.axis + 1));
  if (before === undefined || after === undefined) return undefined;
  const [pre, post] = [before * rows.outer, rows.inner * after];
  for (let axis = 0; axis < to.length; axis++) {
    const [left, right] = [size(to.slice(0, axis)), size(to.slice(axis + 1))];
    const free = freeDim(to[axis]);
    if (left === undefined || right === undefined || !free || pre % left !== 0 || post % right !== 0) continue;
    const [outer, inner] = [pre / left, post / right];
    if (outer * inner === free.factor) return { axis, outer, inner };
  }
  return undefined;
}

/** Parts of the same images side by side, along any axis but theirs. */
export const concat: RowRule = ({ node, facts, shapes, output }) => {
  if (!output) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 1), output.length);
  const [first] = facts.flatMap((fact) => rowsOf(fact) ?? []);
  if (!first || first.axis === axis) return undefined;
  return facts.every((fact, i) => shapes[i] && rowsOf(fact) && isSame(first, rowsOf(fact) as Rows)) ? first : undefined;
};

/** Along any axis but that of the images. */
export const split: RowRule = (context) => besides(context, [intAttribute(context.node, "axis", 0)]);

/** Any part that takes all of the images' axis. */
export const slice: RowRule = (context) => {
  const rows = only(context, 0);
  const parts = sliceParts(context.node, context.constants);
  const rank = context.shapes[0]?.length;
  if (!rows || rank === undefined) return undefined;
  if (parts) {
    const cut = parts.axes.filter((axis, i) => axisOf(axis, rank) === rows.axis && !takesAll(parts, i));
    return cut.length === 0 ? rows : undefined;
  }
  // Starts and ends may be computed from the number of images; the axes must be known.
  const axes = context.constants.get(context.node.inputs[3] ?? "");
  if (!axes || facts(context, [1, 2, 4]).some((fact) => rowsOf(fact))) return undefined;
  return Array.from(axes.data, Number).some((axis) => axisOf(axis, rank) === rows.axis) ? undefined : rows;
};

/** Entries at fixed indices, along any axis but that of the images. */
export const gather: RowRule = ({ node, facts: given, shapes }) => {
  const rows = rowsOf(given[0]);
  const [shape, indices] = shapes;
  if (!rows || rowsOf(given[1]) || !shape || !indices) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 0), shape.length);
  if (axis === rows.axis) return undefined;
  return rows.axis < axis ? rows : { ...rows, axis: rows.axis + indices.length - 1 };
};

/** Axes of length 1 go; never the images'. */
export const squeeze: RowRule = (context) => {
  const rows = only(context, 0);
  const shape = context.shapes[0];
  if (!rows || !shape) return undefined;
  const named = axesOf(context.node, context.constants).map((axis) => axisOf(axis, shape.length));
  const gone = named.length > 0 ? named : shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  if (gone.includes(rows.axis)) return undefined;
  return { ...rows, axis: rows.axis - gone.filter((axis) => axis < rows.axis).length };
};

/** Axes of length 1 come. */
export const unsqueeze: RowRule = (context) => {
  const rows = only(context, 0);
  const rank = context.output?.length;
  if (!rows || rank === undefined) return undefined;
  const added = new Set(axesOf(context.node, context.constants).map((axis) => axisOf(axis, rank)));
  const places = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !added.has(axis));
  const axis = places[rows.axis];
  return axis === undefined ? undefined : { ...rows, axis };
};

/** More entries along any axis but the images'. */
export const pad: RowRule = (context) => {
  const rows = only(context, 0);
  const pads = padsOf(context.node, context.shapes[0]?.length ?? 0, context.constants);
  return rows && pads?.[rows.axis]?.every((width) => width === 0) ? rows : undefined;
};

/** `Expand` and `Tile`: nothing is repeated along the images. */
export const repeated: RowRule = ({ facts: given, shapes, output }) => {
  const rows = rowsOf(given[0]);
  const shape = shapes[0];
  if (!rows || !shape || !output) return undefined;
  const axis = rows.axis + output.length - shape.length;
  return output[axis] === shape[rows.axis] ? { ...rows, axis } : undefined;
};

/** A sum, mean or extreme over any axes but the images'. */
export const reduction: RowRule = (context) => {
  const rows = only(context, 0);
  const rank = context.shapes[0]?.length;
  const { node, constants } = context;
  if (!rows || rank === undefined || (node.inputs[1] && !constants.has(node.inputs[1]))) return undefined;
  return without(rows, reducedAxes(node, rank, constants), intAttribute(node, "keepdims", 1) === 1);
};

/** The place of an extreme along any axis but the images'. */
export const argument: RowRule = (context) => {
  const rows = only(context, 0);
  const rank = context.shapes[0]?.length ?? 0;
  const axis = axisOf(intAttribute(context.node, "axis", 0), rank);
  return rows && without(rows, [axis], intAttribute(context.node, "keepdims", 1) === 1);
};

/** Before opset 13 everything from `axis` on was one row; since then it is one axis. */
export const softmax: RowRule = (context) => {
  const rows = only(context, 0);
  const rank = context.shapes[0]?.length;
  if (!rows || rank === undefined) return undefined;
  const axis = axisOf(intAttribute(context.node, "axis", context.opset < 13 ? 1 : -1), rank);
  return (context.opset < 13 ? rows.axis < axis : rows.axis !== axis) ? rows : undefined;
};

/** Normalised from `axis` on. */
export const layerNorm: RowRule = (context) => {
  const rows = only(context, 0);
  const rank = context.shapes[0]?.length;
  if (!rows || rank === undefined) return undefined;
  return rows.axis < axisOf(intAttribute(context.node, "axis", -1), rank) ? rows : undefined;
};

/** Along one axis, by default the last. */
export const alongAxis: RowRule = (context) => besides(context, [intAttribute(context.node, "axis", -1)]);

/** A sum of products in which the images' letter is in the output and in every input that has images. */
export const einsum: RowRule = ({ node, facts: given, output }) => {
  const [left = "", right] = stringAttribute(node, "equation", "").replaceAll(" ", "").split("->");
  if (right === undefined || left.includes(".") || !output) return undefined;
  let letter: string | undefined;
  let found: Rows | undefined;
  const terms = left.split(",");
  for (const [i, fact] of given.entries()) {
    const rows = rowsOf(fact);
    if (!rows) continue;
    const own = terms[i]?.[rows.axis];
    if (
      own === undefined ||
      (letter !== undefined && letter !== own) ||
      (found && !isSame({ ...found, axis: rows.axis }, rows))
    )
      return undefined;
    letter = own;
    found = rows;
  }
  if (!found || letter === undefined || terms.some((term, i) => !rowsOf(given[i]) && term.includes(letter)))
    return undefined;
  const axis = right.indexOf(letter);
  return axis < 0 ? undefined : { ...found, axis };
};
