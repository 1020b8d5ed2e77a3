/** A model's own functions, written out: every call becomes the function's operators, and attributes their values. */
import { UnitscopeError } from "../errors.ts";
import {
  type AttributeProto,
  attributeMessage,
  create,
  type FunctionProto,
  type ModelProto,
  type NodeProto,
  nodeMessage,
} from "./messages.ts";

/** Functions that call functions, at most so many times over. */
const DEEPEST = 32;

/**
 * The nodes of a model's graph, calls of its functions written out.
 * @throws {UnitscopeError} `model`, naming the function: one that calls itself, that needs another version of an
 *   operator set than the model imports, or that has subgraphs.
 */
export function writtenOut(model: ModelProto, place: string): NodeProto[] {
  const nodes = model.graph?.node ?? [];
  if (model.functions.length === 0) return nodes;
  const functions = new Map(model.functions.map((each) => [keyOf(each.domain, each.name, each.overload), each]));
  const versions = new Map(model.opsetImport.map(({ domain, version }) => [standard(domain), version]));
  const expand = (node: NodeProto, depth: number): NodeProto[] => {
    const called = functions.get(keyOf(node.domain, node.opType, node.overload));
    if (!called) return [node];
    const named = `${place}: function "${called.domain}:${called.name}"`;
    if (depth > DEEPEST) throw new UnitscopeError("model", `${named}: expected an end, got one that calls itself`);
    checkVersions(called, versions, named);
    return bodyOf(called, node, named).flatMap((each) => expand(each, depth + 1));
  };
  return nodes.flatMap((node) => expand(node, 0));
}

/** The operators of one call, with the caller's tensors and names of their own. */
function bodyOf(called: FunctionProto, node: NodeProto, named: string): NodeProto[] {
  const scope = node.name || node.output.find((output) => output !== "") || called.name;
  const tensors = new Map<string, string>([["", ""]]);
  called.input.forEach((name, at) => tensors.set(name, node.input[at] ?? ""));
  called.output.forEach((name, at) => tensors.set(name, node.output[at] || `${scope}/${name}`));
  const given = new Map(called.attributeProto.map((attribute) => [attribute.name, attribute]));
  for (const attribute of node.attribute) given.set(attribute.name, attribute);
  const tensorOf = (name: string): string => tensors.get(name) ?? `${scope}/${name}`;
  return called.node.map((each) =>
    create(nodeMessage, {
      name: `${scope.startsWith("/") ? "" : "/"}${scope}/${each.name || each.opType}`,
      opType: each.opType,
      domain: each.domain,
      overload: each.overload,
      input: each.input.map(tensorOf),
      output: each.output.map(tensorOf),
      attribute: each.attribute.flatMap((attribute) => attributeOf(attribute, given, `${named}, ${each.opType}`)),
    }),
  );
}

/** An attribute, or the value that the caller gave for it; none where it gave none. */
function attributeOf(
  attribute: AttributeProto,
  given: ReadonlyMap<string, AttributeProto>,
  named: string,
): AttributeProto[] {
  if (attribute.g || attribute.graphs.length > 0) {
    throw new UnitscopeError(
      "model",
      `${named}: expected operators without subgraphs, got attribute "${attribute.name}"`,
    );
  }
  if (attribute.refAttrName === "") return [attribute];
  const value = given.get(attribute.refAttrName);
  if (!value) return [];
  return [create(attributeMessage, { ...value, name: attribute.name })];
}

function checkVersions(called: FunctionProto, versions: ReadonlyMap<string, bigint>, named: string): void {
  for (const { domain, version } of called.opsetImport) {
    const own = versions.get(standard(domain));
    if (own === undefined || own === version) continue;
    const set = standard(domain) === "" ? "ai.onnx" : domain;
    throw new UnitscopeError("model", `${named}: expected operator set ${set} ${own} as the model, got ${version}`);
  }
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([standard(domain), name, overload]);
}

function standard(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}
