/**
 * Outputs that hold probabilities, not logits, and not by a softmax or sigmoid that stands at the end: a mean of several
 * softmaxes, one that is clipped, one class of two. What they hold is seen by running the network, where its head has an
 * operator that makes probabilities.
 */
import { producersOf } from "./edit.ts";
import { floatTensor, type Graph, type Node, node, type Tensor } from "./graph.ts";
import { roleOf } from "./operators.ts";

/**
 * What the numbers of an output are. `shares`: probabilities of classes that exclude each other, which sum to 1;
 * `chances`: each a probability of its own.
 */
export type Reading = "logits" | "shares" | "chances";

/** Operators that end in numbers from 0 to 1. */
const makers = new Set(["Softmax", "LogSoftmax", "Sigmoid", "HardSigmoid", "Exp"]);

/** The operator of a network's head (behind the last convolution or product with weights) that may make probabilities. */
export function probabilityMaker(graph: Graph, tensor: string): Node | undefined {
  const producers = producersOf(graph);
  const seen = new Set<string>();
  const open = [tensor];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const made = producers.get(name);
    if (!made || seen.has(name)) continue;
    seen.add(name);
    if (made.domain === "" && makers.has(made.op)) return made;
    const role = roleOf(made);
    const isWeighted = made.inputs.some((input) => (graph.constants.get(input)?.dims.length ?? 0) > 1);
    if (role === "convolution" || (role === "product" && isWeighted)) continue;
    open.push(...made.inputs.filter((input) => input !== ""));
  }
  return undefined;
}

/** How far sums of probabilities may be from 1. */
const SUM_TOLERANCE = 1e-3;

/**
 * What an output's numbers are, by those of some images of noise.
 * @param values `[images, classCount]`.
 */
export function readingOf(values: Float32Array, classCount: number): Reading {
  if (!values.every((value) => value >= -1e-6 && value <= 1 + 1e-6)) return "logits";
  if (classCount === 1) return "chances";
  for (let row = 0; row < values.length; row += classCount) {
    let sum = 0;
    for (let cls = 0; cls < classCount; cls++) sum += values[row + cls];
    if (Math.abs(sum - 1) > SUM_TOLERANCE) return "chances";
  }
  return "shares";
}

/** Probabilities below this count as this: logarithms stay finite. */
const LEAST = 1e-30;

/**
 * Operators from probabilities to logits: log p, whose softmax is p where they sum to 1; or log p − log (1 − p), whose
 * sigmoid is p.
 */
export function logitsOf(
  tensor: string,
  reading: Exclude<Reading, "logits">,
): { nodes: Node[]; constants: Map<string, Tensor>; logits: string } {
  const name = (part: string): string => `unitscope/logits/${part}`;
  const constants = new Map([
    [name("least"), floatTensor([], [LEAST])],
    [name("one"), floatTensor([], [1])],
  ]);
  const logarithm = (of: string, part: string): Node[] => [
    node("Max", [of, name("least")], [name(`${part}/some`)]),
    node("Log", [name(`${part}/some`)], [name(`${part}/log`)]),
  ];
  const nodes = logarithm(tensor, "is");
  if (reading === "shares") {
    constants.delete(name("one"));
    return { nodes, constants, logits: name("is/log") };
  }
  nodes.push(node("Sub", [name("one"), tensor], [name("not")]), ...logarithm(name("not"), "not"));
  nodes.push(node("Sub", [name("is/log"), name("not/log")], [name("odds")]));
  return { nodes, constants, logits: name("odds") };
}
