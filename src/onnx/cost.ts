/** What a network costs: multiply-adds of its operators, for one image. */
import { dependentsOf } from "./edit.ts";
import type { Graph, Node } from "./graph.ts";
import type { Shape } from "./shapes.ts";

/**
 * Multiply-adds of every operator for one image; an operator that is no product counts one an element of its result.
 * A tensor of unknown shape counts nothing; a free dimension counts once.
 */
export function multiplyAdds(
  graph: Pick<Graph, "nodes" | "constants">,
  shapes: ReadonlyMap<string, Shape>,
): Map<Node, number> {
  return new Map(graph.nodes.map((node) => [node, costOf(node, shapes)]));
}

/** Share of the multiply-adds, from 0 to 1, that depend on a tensor. @param costs of all operators, as `multiplyAdds` gives. */
export function shareBehind(graph: Graph, costs: ReadonlyMap<Node, number>, tensor: string): number {
  const dependent = dependentsOf(graph, tensor);
  let [behind, total] = [0, 0];
  for (const [node, cost] of costs) {
    total += cost;
    if (node.inputs.some((name) => dependent.has(name))) behind += cost;
  }
  return total === 0 ? 0 : behind / total;
}

function costOf(node: Node, shapes: ReadonlyMap<string, Shape>): number {
  const [x, w] = node.inputs.map((name) => shapes.get(name));
  const result = elements(shapes.get(node.outputs[0] ?? ""));
  switch (node.op) {
    case "Conv":
    case "FusedConv":
    case "ConvInteger":
    case "QLinearConv": {
      const weights = node.op === "QLinearConv" ? shapes.get(node.inputs[3] ?? "") : w;
      return weights ? result * elements(weights.slice(1)) : result;
    }
    case "ConvTranspose":
      return x && w ? elements(x) * elements(w.slice(1)) : result;
    case "Gemm":
    case "MatMul":
    case "FusedMatMul":
    case "FusedGemm":
      // Every element of the result sums over the axis that the factors share.
      return x ? result * sharedLength(node, x) : result;
    default:
      return result;
  }
}

function sharedLength(node: Node, left: Shape): number {
  const transposed = node.attributes["transA"];
  const axis = transposed?.kind === "int" && transposed.value === 1 ? -2 : -1;
  return elements([left.at(axis) ?? 1]);
}

/** Elements of a shape, for one image where the images' dimension is free. */
function elements(shape: Shape | undefined): number {
  if (!shape || shape.includes(null)) return 0;
  return shape.reduce((product: number, dim) => {
    if (typeof dim === "number") return product * dim;
    const multiple = /^(\d+)\*/.exec(dim ?? "");
    return product * (multiple ? Number(multiple[1]) : 1);
  }, 1);
}
