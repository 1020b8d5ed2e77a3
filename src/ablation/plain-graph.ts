/** The network with a switch behind one or more layers: the graph of the plain route and of the reference. */
import { insertAfter } from "../onnx/edit.ts";
import { type Graph, node } from "../onnx/graph.ts";

/** A tensor whose channels can be switched off. */
export interface SwitchedTensor {
  readonly tap: string;
  readonly units: number;
  /** 4 for `[N, units, H, W]`, 2 for `[N, units]`. */
  readonly rank: number;
}

/** Which channels keep their response: bool `[1, units, 1, 1]` (or `[1, units]`). */
export const keepInput = (tap: string): string => `unitscope/keep/${tap}`;
/** What the others get instead: float32 of the same shape. */
export const replacementInput = (tap: string): string => `unitscope/replacement/${tap}`;

/** The whole network with `Where(keep, response, replacement)` behind every given tap; the masks are graph inputs. */
export function plainGraph(graph: Graph, switched: readonly SwitchedTensor[]): Graph {
  return switched.reduce((before, tensor) => {
    const { tap } = tensor;
    const shape = maskShape(tensor);
    const replacement = `unitscope/ablated/${tap}`;
    return insertAfter(before, tap, {
      replacement,
      nodes: [node("Where", [keepInput(tap), tap, replacementInput(tap)], [replacement])],
      inputs: [
        { name: keepInput(tap), type: "bool", shape },
        { name: replacementInput(tap), type: "float32", shape },
      ],
    });
  }, graph);
}

/** `[1, units, 1, …]`: one value per channel, broadcast over images and positions. */
export function maskShape({ units, rank }: Pick<SwitchedTensor, "units" | "rank">): number[] {
  return [1, units, ...Array<number>(rank - 2).fill(1)];
}
