/** `If` operators whose condition does not depend on the image: the branch that is taken, in their place. */
import { UnitscopeError } from "../errors.ts";
import { foldConstants } from "./fold.ts";
import { type Attribute, type Graph, type Node, plainValues, type Tensor } from "./graph.ts";
import { attributeMessage, fromBinary, type GraphProto, toBinary } from "./messages.ts";
import { readBranch } from "./model-file.ts";
import { resolveShapes } from "./resolve-shapes.ts";
import { sortNodes } from "./sort.ts";

/**
 * The graph without its `If`s. Their conditions are computed where they follow from constants and known shapes.
 * @throws {UnitscopeError} `model`, naming the operator, for a condition that does not.
 */
export function takeBranches(graph: Graph, place: string): Graph {
  let current = graph;
  while (current.nodes.some(isIf)) {
    const settled = foldConstants(resolveShapes(foldConstants(current)));
    const next = takeKnown(settled, place);
    if (next === settled) {
      const { name } = settled.nodes.find(isIf) ?? { name: "" };
      throw new UnitscopeError(
        "model",
        `${place}: node "${name}": expected an If whose condition is constant, got one that is computed; export the model with fixed shapes`,
      );
    }
    current = next;
  }
  return current;
}

function isIf({ op, domain }: Node): boolean {
  return op === "If" && domain === "";
}

function takeKnown(graph: Graph, place: string): Graph {
  const constants = new Map(graph.constants);
  let changed = false;
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const condition = isIf(node) ? constants.get(node.inputs[0] ?? "") : undefined;
    if (!condition) return [node];
    changed = true;
    return branchOf(node, plainValues(condition)[0] === 1, constants, place);
  });
  return changed ? { ...graph, nodes: sortNodes(nodes), constants } : graph;
}

/** The operators of a branch. Its own tensors get names of their own; all others are the graph's around it. */
function branchOf(node: Node, isTaken: boolean, constants: Map<string, Tensor>, place: string): Node[] {
  const attribute = node.attributes[isTaken ? "then_branch" : "else_branch"];
  if (attribute?.kind !== "encoded") {
    throw new UnitscopeError("model", `${place}: node "${node.name}": expected two branches, got none`);
  }
  const branch = readBranch(attribute.value, place);
  const scope = `${node.outputs[0]}/branch`;
  const own = new Set([...branch.constants.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)]);
  const tensorOf = (name: string): string => (name !== "" && own.has(name) ? `${scope}/${name}` : name);
  for (const [name, tensor] of branch.constants) constants.set(tensorOf(name), tensor);
  return [
    ...branch.nodes.map((each) => ({
      ...each,
      inputs: each.inputs.map(tensorOf),
      outputs: each.outputs.map(tensorOf),
      attributes: readingFrom(each.attributes, tensorOf),
    })),
    ...branch.outputs.map((name, at): Node => {
      const output = node.outputs[at] ?? "";
      return {
        name: `${output}/taken`,
        op: "Identity",
        domain: "",
        inputs: [tensorOf(name)],
        outputs: [output],
        attributes: {},
      };
    }),
  ];
}

/** Attributes whose subgraphs read the tensors around them by their new names. */
function readingFrom(attributes: Node["attributes"], tensorOf: (name: string) => string): Node["attributes"] {
  const renamed = (attribute: Attribute): Attribute => {
    if (attribute.kind !== "encoded") return attribute;
    const proto = fromBinary(attributeMessage, attribute.value);
    if (!proto.g) return attribute;
    renameReads(proto.g, tensorOf);
    return { kind: "encoded", value: toBinary(attributeMessage, proto) };
  };
  return Object.fromEntries(Object.entries(attributes).map(([name, attribute]) => [name, renamed(attribute)]));
}

function renameReads({ node, initializer, input, output }: GraphProto, tensorOf: (name: string) => string): void {
  const own = new Set([...initializer, ...input].map(({ name }) => name).concat(node.flatMap((each) => each.output)));
  const read = (name: string): string => (own.has(name) ? name : tensorOf(name));
  for (const each of node) {
    each.input = each.input.map(read);
    for (const { g } of each.attribute) if (g) renameReads(g, read);
  }
  for (const port of output) port.name = read(port.name);
}
