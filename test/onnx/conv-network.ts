/** A small network around given operators, for tests of how files of other tools are read. */
import { expect } from "vitest";
import { type Graph, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import type { Model } from "../../src/runtime/open-model.ts";
import { CLASSES, networkOf, normal, sweepAll } from "../ablation/all-pairs.ts";

/** Units of the convolution. */
export const WIDTH = 8;
export const pads: number[] = [1, 1, 1, 1];
/** From `r` to the logits. */
export const head: readonly Node[] = [
  node("GlobalAveragePool", ["r"], ["p"]),
  node("Flatten", ["p"], ["f"]),
  node("MatMul", ["f", "fc"], ["logits"]),
];
export const weights: Readonly<Record<"w" | "fc", Tensor>> = {
  w: normal(1, [WIDTH, 3, 3, 3]),
  fc: normal(2, [WIDTH, CLASSES]),
};
/** From `input` to `c`. */
export const conv: Node = node("Conv", ["input", "w"], ["c"], { pads });

/** A convolution, the given operators from `c` to `r`, and a head. */
export function network(
  middle: readonly Node[],
  constants: Graph["constants"] = new Map(),
  change: Partial<Graph> = {},
): Graph {
  return networkOf([conv, ...middle, ...head], { ...weights, ...Object.fromEntries(constants) }, change);
}

/** What is said of the layers but the last. */
export function told({ layers }: Model): unknown {
  return layers
    .filter(({ isOutput }) => !isOutput)
    .map(({ kind, tap, norm, activation, units }) => [kind, tap, norm, activation, units]);
}

/** Every pair by the fast routes as by the plain one, and there are flips. */
export async function expectExact(model: Model): Promise<void> {
  const plain = await sweepAll(model, "plain");
  expect(plain.join()).toContain("→");
  expect(await sweepAll(model, "auto")).toEqual(plain);
}
