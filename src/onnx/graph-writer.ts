/** Operators and constants that are added to a graph one after the other, by the names of what they make. */
import { type Attribute, type Node, node, type Tensor } from "./graph.ts";

/** A graph that grows. */
export interface GraphWriter {
  readonly nodes: Node[];
  readonly constants: Map<string, Tensor>;
  /** Adds an operator with one output, and returns the output's name. */
  insert(op: string, from: readonly string[], to: string, attributes?: Record<string, Attribute | number>): string;
  /** Adds a constant, and returns its name. */
  constant(name: string, tensor: Tensor): string;
}

/** A writer that starts with the given constants; they are copied. */
export function graphWriter(given: ReadonlyMap<string, Tensor> = new Map()): GraphWriter {
  const nodes: Node[] = [];
  const constants = new Map(given);
  return {
    nodes,
    constants,
    insert: (op, from, to, attributes = {}) => {
      nodes.push(node(op, [...from], [to], attributes));
      return to;
    },
    constant: (name, tensor) => {
      constants.set(name, tensor);
      return name;
    },
  };
}
