/**
 * Which tensors depend on the image, and where each image's part stands in them. Nothing is assumed: a tensor of which
 * it is not proven that one image's part is computed from that image alone has no rows here.
 */
import { freeDim, type Shape } from "./dims.ts";
import type { Graph, Node, Tensor } from "./graph.ts";
import { operatorOf } from "./operators.ts";
import { drawsNumbers } from "./random-operators.ts";
import { type RowFact, rowsOf } from "./row-facts.ts";

export { isBatchFirst, type RowFact, type Rows, rowsOf } from "./row-facts.ts";

/** What is proven of every tensor, by its name; a tensor that is absent is not proven. */
export function traceRows(
  graph: Graph,
  { input, shapes }: { input: string; shapes: ReadonlyMap<string, Shape> },
): Map<string, RowFact> {
  const facts = new Map<string, RowFact>();
  for (const name of graph.constants.keys()) facts.set(name, "constant");
  facts.set(input, { axis: 0, outer: 1, inner: 1 });
  const context = { shapes, constants: graph.constants, opset: graph.opsets.get("") ?? 0 };
  for (const node of graph.nodes) stepRows(node, facts, context);
  return facts;
}

/** What a step is made from. */
export interface RowTrace {
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly opset: number;
}

/** Adds what is proven of one node's outputs, from what is of its inputs. */
export function stepRows(node: Node, facts: Map<string, RowFact>, trace: RowTrace): void {
  const present = node.inputs.filter((name) => name !== "").map((name) => facts.get(name));
  const fact = factOf(node, present, facts, trace);
  if (!fact) return;
  const isAlone = rowsOf(fact) !== undefined && operatorOf(node)?.isFirstAlone === true;
  for (const output of isAlone ? node.outputs.slice(0, 1) : node.outputs) if (output !== "") facts.set(output, fact);
}

function factOf(
  node: Node,
  present: readonly RowFact[],
  facts: ReadonlyMap<string, RowFact>,
  { shapes, constants, opset }: RowTrace,
): RowFact {
  if (isShape(node)) return present[0] === "constant" ? "constant" : "count";
  if (drawsNumbers(node) || present.some((fact) => fact === undefined)) return undefined;
  const output = shapes.get(node.outputs[0] ?? "");
  if (!present.some((fact) => rowsOf(fact))) {
    return present.includes("count") ? (spreadOverImages(node, output) ?? "count") : "constant";
  }
  return operatorOf(node)?.rows?.({
    node,
    facts: node.inputs.map((name) => facts.get(name)),
    shapes: node.inputs.map((name) => shapes.get(name)),
    output,
    constants,
    opset,
  });
}

/** Whether a node reads the size of its input, not its elements. */
export function isShape({ op, domain }: Pick<Node, "op" | "domain">): boolean {
  return domain === "" && (op === "Shape" || op === "Size");
}

/** What is the same for every image, spread out to as many rows as there are images. */
function spreadOverImages(node: Node, output: Shape | undefined): RowFact {
  if (node.op !== "Expand" && node.op !== "ConstantOfShape" && node.op !== "Tile") return undefined;
  const free = (output ?? []).flatMap((dim, axis) => {
    const factor = freeDim(dim)?.factor;
    return factor === undefined ? [] : [{ axis, factor }];
  });
  const [only, ...others] = free;
  return only && others.length === 0 && only.factor === 1 ? { axis: only.axis, outer: 1, inner: 1 } : undefined;
}
