/** Changes of a graph as data: fetch other tensors, drop what they do not need, put an operation behind a tensor. */
import { UnitscopeError } from "../errors.ts";
import { floatTensor, type Graph, intAttribute, type Node, type Port, type Tensor } from "./graph.ts";
import { sortNodes } from "./sort.ts";

/** The part of a graph that computes the given float32 tensors; constants and inputs that it does not read are gone. */
export function cutTo(graph: Graph, tensors: readonly string[]): Graph {
  const producer = producersOf(graph);
  const needed = new Set<Node>();
  const read = new Set<string>(tensors);
  const waiting = [...tensors];
  while (waiting.length > 0) {
    const tensor = waiting.pop() as string;
    const node = producer.get(tensor);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    for (const input of [...node.inputs, ...outerReads(node)]) {
      if (input === "" || read.has(input)) continue;
      read.add(input);
      waiting.push(input);
    }
  }
  const known = new Map(graph.outputs.map((port) => [port.name, port]));
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => needed.has(node)),
    inputs: graph.inputs.filter((port) => read.has(port.name)),
    outputs: tensors.map((name) => known.get(name) ?? { name, type: "float32", shape: null }),
    constants: new Map([...graph.constants].filter(([name]) => read.has(name))),
  };
}

/**
 * Puts nodes behind a tensor: everything that read `tensor` (and the graph's outputs) now reads `replacement`, which
 * the given nodes compute from it.
 */
export function insertAfter(
  graph: Graph,
  tensor: string,
  {
    replacement,
    nodes,
    inputs = [],
    constants = new Map(),
  }: {
    replacement: string;
    nodes: readonly Node[];
    inputs?: readonly Port[];
    constants?: ReadonlyMap<string, Tensor>;
  },
): Graph {
  const isOutput = graph.outputs.some((port) => port.name === tensor);
  const rewired = graph.nodes.map((node) =>
    node.inputs.includes(tensor)
      ? { ...node, inputs: node.inputs.map((input) => (input === tensor ? replacement : input)) }
      : node,
  );
  return {
    ...graph,
    inputs: [...graph.inputs, ...inputs],
    outputs: isOutput
      ? graph.outputs.map((port) => (port.name === tensor ? { ...port, name: replacement } : port))
      : graph.outputs,
    constants: new Map([...graph.constants, ...constants]),
    nodes: sortNodes([...rewired, ...nodes]),
  };
}

/** The node that computes each tensor. */
export function producersOf(graph: Pick<Graph, "nodes">): Map<string, Node> {
  const producer = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== "") producer.set(output, node);
  return producer;
}

/** The nodes that read each tensor. */
export function readersOf(graph: Pick<Graph, "nodes">): Map<string, Node[]> {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const list = readers.get(input);
      if (list) list.push(node);
      else readers.set(input, [node]);
    }
  }
  return readers;
}

/** Every tensor that depends on the given one, itself included. */
export function dependentsOf(graph: Pick<Graph, "nodes">, tensor: string): Set<string> {
  const dependent = new Set([tensor]);
  for (const node of graph.nodes) {
    if (node.inputs.some((input) => dependent.has(input))) for (const output of node.outputs) dependent.add(output);
  }
  return dependent;
}

/**
 * A graph of operator set 7 or 8 as one of 9, which has `Where`, that ablations insert. What classifiers are made of did
 * not change between them, but that batch norm lost an attribute whose default is what remained, and that `Upsample` takes
 * its scales as an input.
 */
export function raiseOpset(graph: Graph): Graph {
  const version = graph.opsets.get("") ?? 0;
  if (version !== 7 && version !== 8) return graph;
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const { scales, ...others } = node.attributes;
    if (node.op === "Upsample" && scales?.kind === "floats") {
      const input = `${node.outputs[0]}/scales`;
      constants.set(input, floatTensor([scales.value.length], scales.value));
      return { ...node, inputs: [...node.inputs, input], attributes: others };
    }
    if (node.op !== "BatchNormalization" || intAttribute(node, "spatial", 1) !== 1) return node;
    const { spatial: _, ...attributes } = node.attributes;
    return { ...node, attributes };
  });
  return { ...graph, nodes, constants, opsets: new Map([...graph.opsets, ["", 9]]) };
}

/** Tensors that a node's subgraphs read from outside cannot be seen here, so such graphs are refused early. */
function outerReads(node: Node): readonly string[] {
  if (node.op === "If" || node.op === "Loop" || node.op === "Scan") {
    throw new UnitscopeError(
      "model",
      `node "${node.name}": expected a graph without loops, got ${node.op}; export the model with fixed shapes`,
    );
  }
  return [];
}
