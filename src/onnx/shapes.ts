/**
 * Shapes of every tensor of a graph, as far as its operators are known. A free dimension keeps its name (`"N"`, or
 * `"3*N"`); `null` is unknown. What does not follow here is left out: the runtime tells it where it is needed.
 */
import type { Shape } from "./dims.ts";
import type { Graph, Node, Tensor } from "./graph.ts";
import { operatorOf } from "./operators.ts";

export type { Shape } from "./dims.ts";

/**
 * Shapes by tensor name; a tensor whose rank is unknown is absent.
 * @param measured shapes that the runtime told, which stand where no rule does.
 */
export function inferShapes(graph: Graph, measured: ReadonlyMap<string, Shape> = new Map()): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [name, tensor] of graph.constants) shapes.set(name, tensor.dims);
  for (const port of graph.inputs) if (port.shape) shapes.set(port.name, port.shape);
  for (const each of graph.nodes) stepShapes(each, shapes, graph.constants, measured);
  return shapes;
}

/** Adds the shapes of one node's outputs, from those of its inputs. */
export function stepShapes(
  node: Node,
  shapes: Map<string, Shape>,
  constants: ReadonlyMap<string, Tensor>,
  measured: ReadonlyMap<string, Shape> = new Map(),
): void {
  const inputs = node.inputs.map((name) => shapes.get(name));
  const result = operatorOf(node)?.shape?.(node, inputs, constants);
  const outputs = !result ? [] : isShapeList(result) ? result : [result];
  node.outputs.forEach((name, i) => {
    const known = measured.get(name) ?? outputs[i];
    if (name !== "" && known) shapes.set(name, known);
  });
}

function isShapeList(result: Shape | Shape[]): result is Shape[] {
  return result.length > 0 && Array.isArray(result[0]);
}
