/** What a `Slice` takes of its input and a `Pad` adds to it, however the file says it. */
import { axisOf } from "./dims.ts";
import { intsAttribute, type Node, plainValues, type Tensor } from "./graph.ts";

/** An end that no dimension reaches. */
export const ALL: number = 2 ** 31 - 1;

/** Whether an end of a `Slice` stands for all that is left, which backwards is up to the first entry. */
export function isOpenEnd(end: number): boolean {
  return end === 2 ** 31 - 1 || end === 2 ** 63;
}

/** What a `Slice` takes, as inputs or as attributes; undefined where it is computed. */
export function sliceParts(
  node: Node,
  constants: ReadonlyMap<string, Tensor>,
): Record<"starts" | "ends" | "axes" | "steps", readonly number[]> | undefined {
  const list = (i: number): number[] | undefined => {
    const tensor = constants.get(node.inputs[i] ?? "");
    return tensor && plainValues(tensor);
  };
  if (node.inputs.length === 1) {
    const starts = intsAttribute(node, "starts", []);
    const axes = intsAttribute(
      node,
      "axes",
      starts.map((_, i) => i),
    );
    return { starts, ends: intsAttribute(node, "ends", []), axes, steps: starts.map(() => 1) };
  }
  const [starts, ends] = [list(1), list(2)];
  if (!starts || !ends || (node.inputs[3] && !list(3)) || (node.inputs[4] && !list(4))) return undefined;
  return { starts, ends, axes: list(3) ?? starts.map((_, i) => i), steps: list(4) ?? starts.map(() => 1) };
}

/** What a `Pad` adds before and behind every axis; undefined where that is computed. */
export function padsOf(
  node: Node,
  rank: number,
  constants: ReadonlyMap<string, Tensor>,
): [before: number, behind: number][] | undefined {
  const given = constants.get(node.inputs[1] ?? "");
  const pads = given ? plainValues(given) : intsAttribute(node, "pads", []);
  const named = constants.get(node.inputs[3] ?? "");
  if (node.inputs[3] && !named) return undefined;
  const axes = named ? plainValues(named) : Array.from({ length: rank }, (_, axis) => axis);
  if (pads.length !== 2 * axes.length) return undefined;
  const all = Array.from({ length: rank }, (): [number, number] => [0, 0]);
  axes.forEach((axis, i) => {
    all[axisOf(axis, rank)] = [pads[i], pads[i + axes.length]];
  });
  return all;
}
