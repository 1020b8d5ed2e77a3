/** The network with a switch behind one or more layers: the graph of the plain route and of the reference. */
import { insertAfter } from "../onnx/edit.ts";
import { type Graph, node } from "../onnx/graph.ts";

/** A tensor whose units can be switched off: runs of `unitSize` entries of one of its `rank` axes. */
export interface SwitchedTensor {
  readonly tap: string;
  readonly units: number;
  readonly rank: number;
  readonly axis: number;
  readonly unitSize: number;
}

/** Which units keep their response: bool, along the units' axis, every other axis of length 1. */
export const keepInput = (tap: string): string => `unitscope/keep/${tap}`;
/** What the others get instead: float32 of the same shape. */
export const replacementInput = (tap: string): string => `unitscope/replacement/${tap}`;

/**
 * The whole network with `Where(keep, response, replacement)` behind every given tap; the masks are graph inputs.
 * @param options.isFed whether replacements may differ between images and positions.
 */
export function plainGraph(
  graph: Graph,
  switched: readonly SwitchedTensor[],
  { isFed = false }: { isFed?: boolean } = {},
): Graph {
  return switched.reduce((before, tensor) => {
    const { tap } = tensor;
    const shape = maskShape(tensor);
    const replacement = `unitscope/ablated/${tap}`;
    return insertAfter(before, tap, {
      replacement,
      nodes: [node("Where", [keepInput(tap), tap, replacementInput(tap)], [replacement])],
      inputs: [
        { name: keepInput(tap), type: "bool", shape },
        { name: replacementInput(tap), type: "float32", shape: isFed ? shape.map(() => null) : shape },
      ],
    });
  }, graph);
}

/** One value per entry of the units' axis, broadcast over everything else. */
export function maskShape({ units, rank, axis, unitSize }: Omit<SwitchedTensor, "tap">): number[] {
  return Array.from({ length: rank }, (_, i) => (i === axis ? units * unitSize : 1));
}

/** One value per unit, spread over its entries of the axis. */
export function perEntry<T extends Float32Array | Uint8Array>(values: T, unitSize: number): T {
  if (unitSize === 1) return values;
  const spread = new (values.constructor as new (length: number) => T)(values.length * unitSize);
  for (let i = 0; i < spread.length; i++) spread[i] = values[Math.floor(i / unitSize)];
  return spread;
}
