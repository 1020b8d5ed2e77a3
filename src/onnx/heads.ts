/** Attention heads: the runs of channels that a softmax over tokens has mixed, before the projection that joins them. */
import type { Graph, Node } from "./graph.ts";
import { roleOf } from "./operators.ts";
import type { Shape } from "./shapes.ts";
import { keepsLast } from "./taps.ts";

/** The heads that one projection reads. */
export interface Heads {
  /** The projection. */
  readonly node: Node;
  /** What it reads: heads side by side along the last axis. */
  readonly tensor: string;
  /** The product that mixes tokens by the softmax: it stands in the attention's own module. */
  readonly mix: Node;
  /** Channels of one head. */
  readonly unitSize: number;
}

/** Every projection of heads. */
export function findHeads(
  graph: Graph,
  { producers, shapes }: { producers: ReadonlyMap<string, Node>; shapes: ReadonlyMap<string, Shape> },
): Heads[] {
  return graph.nodes.flatMap((node): Heads[] => {
    const tensor = node.inputs[0] ?? "";
    if (roleOf(node) !== "product" || !graph.constants.has(node.inputs[1] ?? "")) return [];
    const channels = shapes.get(tensor)?.at(-1);
    const mixed = mixOf(tensor, producers, shapes);
    if (typeof channels !== "number" || !mixed || channels % mixed.unitSize !== 0 || channels === mixed.unitSize) {
      return [];
    }
    return [{ node, tensor, ...mixed }];
  });
}

/** The attention and the length of its heads, where a tensor is the result of one in another shape. */
function mixOf(
  tensor: string,
  producers: ReadonlyMap<string, Node>,
  shapes: ReadonlyMap<string, Shape>,
): Pick<Heads, "mix" | "unitSize"> | undefined {
  let at = tensor;
  for (let step = 0; step < 8; step++) {
    const node = producers.get(at);
    if (!node) return undefined;
    const rank = shapes.get(node.inputs[0] ?? "")?.length ?? 0;
    const role = roleOf(node);
    if (role === "transpose" ? keepsLast(node, rank) : role === "reshape" || node.op === "Identity") {
      at = node.inputs[0] ?? "";
      continue;
    }
    const isMixed = (node.op === "MatMul" && node.domain === "") || node.op === "Einsum";
    const size = shapes.get(at)?.at(-1);
    return isMixed && typeof size === "number" && node.inputs.some((name) => isSoftmax(name, producers))
      ? { mix: node, unitSize: size }
      : undefined;
  }
  return undefined;
}

function isSoftmax(tensor: string, producers: ReadonlyMap<string, Node>): boolean {
  let at = tensor;
  for (let step = 0; step < 6; step++) {
    const node = producers.get(at);
    if (node?.op === "Softmax") return true;
    const role = node && roleOf(node);
    if (!node || !(role === "elementwise" || role === "reshape" || role === "transpose")) return false;
    at = node.inputs[0] ?? "";
  }
  return false;
}
