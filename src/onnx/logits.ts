/**
 * Which output of a classifier holds its classes, and the tensor of logits behind it: a final softmax or sigmoid, however
 * it is written, is left off.
 */
import { UnitscopeError } from "../errors.ts";
import { axisOf, freeDim } from "./dims.ts";
import { cutTo, producersOf } from "./edit.ts";
import { type Dim, floatTensor, type Graph, intAttribute, intTensor, type Node, node } from "./graph.ts";
import { describePort } from "./image-input.ts";
import { roleOf } from "./operators.ts";
import { logitsOf, probabilityMaker, type Reading } from "./probabilities.ts";
import type { Shape } from "./shapes.ts";

/** Where the classes are. */
export interface Classes {
  /** The graph up to the logits. */
  readonly graph: Graph;
  /** `[N, classCount]`. */
  readonly logits: string;
  readonly head: "softmax" | "sigmoid";
  readonly classCount: number;
  /** How many of the output's numbers stand behind them: 1 where the two classes are those below and above 0. */
  readonly logitCount: number;
  readonly notes: readonly string[];
  /** Where the output is taken as it stands, though an operator of its head may make probabilities of it: see `reading`. */
  readonly unsure?: { readonly tensor: string; readonly maker: Node; readonly width: number } | undefined;
}

/**
 * Finds the logits.
 *
 * Of several outputs, the one that the others lead to is taken (an embedding leads to its classifier), names of
 * embeddings and auxiliary heads aside; where that does not leave one, the caller must say.
 *
 * @param options.output the output to take.
 * @param options.reading what the numbers of the output are, where they were looked at.
 * @param options.label gives the number of the one label that is read of an output of so many, each with a probability of
 *   its own.
 * @throws {UnitscopeError} `model`, listing the outputs, where none fits or several do; `usage` where a label is asked for
 *   and there are none.
 */
export function findLogits(
  graph: Graph,
  {
    shapes,
    place,
    output,
    label: pickLabel,
    reading,
  }: {
    shapes: ReadonlyMap<string, Shape>;
    place: string;
    output?: string | undefined;
    label?: ((classCount: number) => number) | undefined;
    reading?: Reading | undefined;
  },
): Classes {
  const producers = producersOf(graph);
  const shapeOf = (name: string): Shape | undefined =>
    shapes.get(name) ?? graph.outputs.find((port) => port.name === name)?.shape ?? undefined;
  const described = graph.outputs
    .map((port) => describePort({ ...port, shape: shapeOf(port.name) ?? null }))
    .join(", ");
  const notes: string[] = [];
  const name = output ?? chooseOutput(graph, shapeOf, { producers, place, described, notes });
  if (output !== undefined && !graph.outputs.some((port) => port.name === output)) {
    throw new UnitscopeError("model", `${place}: expected an output named "${output}", got ${described}`);
  }
  const port = graph.outputs.find((each) => each.name === name);
  if (port && port.type !== "float32") {
    const by = producers.get(name);
    throw new UnitscopeError(
      "model",
      `${place}: expected logits that are floats, got output "${name}" of type ${port.type}${by ? `, by ${by.op} "${by.name}"` : ""}; export the scores of all classes`,
    );
  }
  const start = shapeOf(name)?.length === 1 ? (withItsAxes(name, producers, shapeOf) ?? name) : name;
  const { tensor, head: ownHead } = beforeSoftmax(start, producers, { shapeOf, opset: graph.opsets.get("") ?? 0 });
  const found = shapeOf(tensor);
  const isColumn = found?.length === 1 && isBatch(found[0], graph);
  const shape = isColumn ? [...found, 1] : found;
  const classes = shape?.[1];
  const isOwnRows = shape?.[0] === null || isBatch(shape?.[0], graph);
  if (!shape || !isOwnRows || typeof classes !== "number" || shape.slice(2).some((dim) => dim !== 1)) {
    throw new UnitscopeError(
      "model",
      `${place}: expected logits of shape [N, classes], got output "${tensor}" of shape ${shape ? `[${shape.map((dim) => dim ?? "?").join(", ")}]` : "unknown"}`,
    );
  }
  const nodes = [...graph.nodes];
  const constants = new Map(graph.constants);
  let logits = tensor;
  const insert = (op: string, inputs: string[], to: string, attributes: Record<string, number> = {}): string => {
    nodes.push(node(op, inputs, [to], attributes));
    return to;
  };
  if (isColumn) {
    constants.set("unitscope/logits/column", intTensor([-1, 1]));
    logits = insert("Reshape", [logits, "unitscope/logits/column"], "unitscope/logits/flat");
  }
  if (shape.length > 2) logits = insert("Flatten", [logits], "unitscope/logits/flat", { axis: 1 });
  const maker = tensor === start ? probabilityMaker(graph, start) : undefined;
  const unsure = maker && reading === undefined ? { tensor: start, maker, width: classes } : undefined;
  if (maker && reading !== undefined && reading !== "logits") {
    const made = logitsOf(logits, reading);
    nodes.push(...made.nodes);
    for (const [constant, value] of made.constants) constants.set(constant, value);
    ({ logits } = made);
    notes.push(
      `output "${name}" holds probabilities, by ${maker.op} "${maker.name}": logits are ${reading === "shares" ? "their logarithms" : "log(p / (1 - p))"}`,
    );
  }
  const head = reading === "chances" ? "sigmoid" : ownHead;
  let classCount = classes;
  const label = pickLabel?.(classes);
  if (label !== undefined) {
    const isSoftmax = reading === "shares" || (tensor !== start && head === "softmax");
    if (isSoftmax || !(label < classes) || classes < 2) {
      throw new UnitscopeError(
        "usage",
        `option "label": expected an output of ${place} with a probability of its own for label ${label}, got "${name}" with ${classes} ${isSoftmax ? "classes behind a softmax, which exclude each other" : "of them"}`,
      );
    }
    // The two classes (0, z): σ(z) above 0.5 is z above 0.
    const chosen = new Float32Array(2 * classes);
    chosen[2 * label + 1] = 1;
    constants.set("unitscope/logits/label", floatTensor([classes, 2], chosen));
    logits = insert("MatMul", [logits, "unitscope/logits/label"], "unitscope/logits/chosen");
    classCount = 2;
    const doubt =
      tensor === start && reading !== "chances"
        ? ', which is a logit above 0: the file has no sigmoid to tell that its labels do not exclude each other; leave option "label" out if they do'
        : "";
    notes.push(
      `output "${name}": label ${label} of 0..${classes - 1} alone is read, as present where its probability is above 0.5${doubt}`,
    );
  } else if (classes === 1) {
    // One logit z: class 1 with probability σ(z), which is the softmax of (0, z).
    constants.set("unitscope/logits/zero", floatTensor([], [0]));
    insert("Mul", [logits, "unitscope/logits/zero"], "unitscope/logits/other");
    logits = insert("Concat", ["unitscope/logits/other", logits], "unitscope/logits/both", { axis: 1 });
    classCount = 2;
    notes.push(`output "${name}" has one logit: class 0 below zero, class 1 above`);
  }
  const isLabels = head === "sigmoid" && classes > 1 && label === undefined;
  if (isLabels) {
    notes.push(
      `output "${name}" ends in a sigmoid: every class has a probability of its own; the prediction is the class with the largest, and right where that is the image's label; where images have several labels, option "label" measures the accuracy of one of them`,
    );
  }
  const whole = cutTo({ ...graph, nodes, constants }, [logits]);
  const logitCount = label === undefined ? classes : 1;
  return { graph: whole, logits, head: isLabels ? "sigmoid" : "softmax", classCount, logitCount, notes, unsure };
}

const notClasses = /embed|feature|hidden|aux|pool|descriptor|attention/i;

function chooseOutput(
  graph: Graph,
  shapeOf: (name: string) => Shape | undefined,
  {
    producers,
    place,
    described,
    notes,
  }: { producers: ReadonlyMap<string, Node>; place: string; described: string; notes: string[] },
): string {
  const [first, ...others] = graph.outputs;
  if (!first) throw new UnitscopeError("model", `${place}: expected an output of logits [N, classes], got no output`);
  if (others.length === 0) return first.name;
  const fitting = graph.outputs.filter(({ name, type }) => {
    const shape = shapeOf(name);
    if (type !== "float32" || !shape) return false;
    if (shape.length === 1) return withItsAxes(name, producers, shapeOf) !== undefined;
    return shape.length >= 2 && shape.slice(2).every((dim) => dim === 1);
  });
  const own = fitting.filter(({ name }) => isBatch(shapeOf(name)?.[0], graph));
  const names = (own.length > 0 ? own : fitting).map((port) => port.name);
  const ancestors = new Map(names.map((name) => [name, new Set(ancestorsOf(graph, name))]));
  // An output that another one is computed from is on the way to it.
  const ends = names.filter((name) => !names.some((other) => other !== name && ancestors.get(other)?.has(name)));
  const named = ends.filter((name) => !notClasses.test(name));
  const left = named.length > 0 ? named : ends;
  const [chosen] = left;
  if (chosen === undefined) {
    throw new UnitscopeError("model", `${place}: expected an output of logits [N, classes], got ${described}`);
  }
  if (left.length > 1) {
    throw new UnitscopeError(
      "model",
      `${place}: expected to know which output holds the classes, got ${left.map((name) => `"${name}"`).join(" and ")} of ${described}; name the output`,
      { details: { needs: "output", outputs: left } },
    );
  }
  notes.push(`output "${chosen}" was taken of ${graph.outputs.map((port) => `"${port.name}"`).join(", ")}`);
  return chosen;
}

function ancestorsOf(graph: Graph, tensor: string): string[] {
  return cutTo(graph, [tensor]).nodes.flatMap((each) => each.outputs.filter((name) => name !== tensor));
}

/** What an output of one axis was, `[N, classes]`, before an axis was dropped; undefined where it never was. */
function withItsAxes(
  name: string,
  producers: ReadonlyMap<string, Node>,
  shapeOf: (name: string) => Shape | undefined,
): string | undefined {
  for (let tensor = name; ; ) {
    const last = producers.get(tensor);
    if (!last || !(roleOf(last) === "reshape" || passing.has(last.op))) return undefined;
    tensor = last.inputs[0] ?? "";
    if (holdsClasses(shapeOf(tensor))) return tensor;
  }
}

/** Whether a dimension is the number of images. */
function isBatch(dim: Dim | undefined, graph: Graph): boolean {
  return freeDim(dim)?.factor === 1 || (typeof dim === "number" && dim === graph.inputs[0]?.shape?.[0]);
}

/** Operators that change no number. */
const passing: ReadonlySet<string> = new Set(["Identity", "Dropout", "Cast"]);

/** From an output back to what enters its softmax or sigmoid; the output itself where there is none. */
function beforeSoftmax(
  name: string,
  producers: ReadonlyMap<string, Node>,
  { shapeOf, opset }: { shapeOf: (name: string) => Shape | undefined; opset: number },
): { tensor: string; head: "softmax" | "sigmoid" } {
  let tensor = name;
  for (;;) {
    const last = producers.get(tensor);
    if (!last || last.domain !== "") return { tensor: name, head: "softmax" };
    const from = last.inputs[0] ?? "";
    if (last.op === "Softmax" || last.op === "LogSoftmax") {
      const axis = axisOf(intAttribute(last, "axis", opset < 13 ? 1 : -1), shapeOf(from)?.length ?? 2);
      return { tensor: axis === 1 ? from : name, head: "softmax" };
    }
    if (last.op === "Sigmoid") return { tensor: from, head: "sigmoid" };
    if (last.op === "Div") {
      const logits = writtenSoftmax(last, producers);
      return logits === undefined ? { tensor: name, head: "softmax" } : { tensor: logits, head: "softmax" };
    }
    const passes =
      passing.has(last.op) || last.op === "Log" || (roleOf(last) === "reshape" && holdsClasses(shapeOf(from)));
    if (!passes) return { tensor: name, head: "softmax" };
    tensor = from;
  }
}

/** Whether a tensor is `[N, classes]`, but for axes of length 1. */
function holdsClasses(shape: Shape | undefined): boolean {
  return shape !== undefined && shape.length >= 2 && shape.slice(2).every((dim) => dim === 1);
}

/** `exp(x) / Σ exp(x)`, with or without the maximum taken off first. */
function writtenSoftmax(division: Node, producers: ReadonlyMap<string, Node>): string | undefined {
  const [above, below] = division.inputs.map((input) => producers.get(input));
  if (above?.op !== "Exp" || below?.op !== "ReduceSum" || below.inputs[0] !== above.outputs[0]) return undefined;
  const inner = above.inputs[0] ?? "";
  const shift = producers.get(inner);
  if (shift?.op !== "Sub") return inner;
  const largest = producers.get(shift.inputs[1] ?? "");
  return largest?.op === "ReduceMax" && largest.inputs[0] === shift.inputs[0] ? shift.inputs[0] : inner;
}
