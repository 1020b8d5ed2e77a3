/**
 * Operators in training mode, or that draw random numbers: dropout that an exporter left on is off here; others make a
 * network no classifier.
 */
import { UnitscopeError } from "../errors.ts";
import { type Graph, intAttribute, type Node } from "./graph.ts";

const drawing = new Set(
  "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial Bernoulli".split(" "),
);

/** Whether a node's output differs from run to run. */
export function drawsNumbers({ op, domain }: Pick<Node, "op" | "domain">): boolean {
  return domain === "" && drawing.has(op);
}

/**
 * The graph with every `Dropout` in evaluation mode, and the names of those that were not.
 * @throws {UnitscopeError} `model`, naming the operator, where another one draws random numbers, or a batch norm takes the
 *   statistics of its batch (the runtime also keeps them from one run to the next).
 */
export function withoutRandom(graph: Graph, place: string): { graph: Graph; left: readonly string[] } {
  const random = graph.nodes.find(drawsNumbers);
  if (random) {
    throw new UnitscopeError(
      "model",
      `${place}: node "${random.name}": expected an output that follows from the image, got ${random.op}, which draws other numbers in every run; export the model in evaluation mode`,
    );
  }
  const learning = graph.nodes.find(
    (each) => each.op === "BatchNormalization" && each.domain === "" && intAttribute(each, "training_mode", 0) === 1,
  );
  if (learning) {
    throw new UnitscopeError(
      "model",
      `${place}: node "${learning.name}": expected batch norm with stored statistics, got training mode, in which an image's result follows the other images; export the model in evaluation mode`,
    );
  }
  const left: string[] = [];
  const nodes = graph.nodes.map((each): Node => {
    const mode = each.op === "Dropout" && each.domain === "" ? (each.inputs[2] ?? "") : "";
    if (mode === "") return each;
    const constant = graph.constants.get(mode);
    if (!constant || Number(constant.data[0]) !== 0) left.push(each.name);
    return { ...each, inputs: each.inputs.slice(0, 1) };
  });
  return { graph: { ...graph, nodes }, left };
}
