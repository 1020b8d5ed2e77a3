/**
 * Names of layers as people know them: from weight names (`features.10.weight` → `features.10`), else from the exporter's
 * scopes (`/layer2/layer2.1/conv1/Conv` → `layer2.1.conv1`), else from the tap's tensor.
 */
import type { Node } from "./graph.ts";

/** What a name can be drawn from. */
export interface NameSource {
  readonly node: Node;
  readonly kind: string;
  readonly weight: string | null;
  readonly tap: string;
}

/** One name per source, all different: a name that is taken gets the operator's own name, then a number. */
export function layerNames(sources: readonly NameSource[]): string[] {
  const taken = new Set<string>();
  return sources.map((source) => {
    const list = candidates(source);
    const name = list.find((each) => !taken.has(each)) ?? numbered(list.at(-1) ?? source.tap, taken);
    taken.add(name);
    return name;
  });
}

function candidates({ node, kind, weight, tap }: NameSource): string[] {
  const list: string[] = [];
  const scope = scopeOf(node.name);
  const parameter = weight?.match(/^(.+)\.weight$/)?.[1];
  if (kind === "attention") {
    return [...(scope?.path ? [`${scope.path}.heads`] : []), "heads"];
  }
  if (parameter && !parameter.startsWith("onnx::")) list.push(parameter);
  if (scope?.path) list.push(scope.path, `${scope.path}.${scope.last}`);
  else if (scope && kind !== "convolution" && kind !== "linear") list.push(scope.last.toLowerCase());
  // A tensor that is called by a number tells a reader nothing.
  return [...list, /^(onnx::)?[\d.]+$/.test(tap) ? kind : tap];
}

/**
 * The module path of a scoped node name. A scope that repeats the one before it with more behind replaces that
 * (`layer2`, then `layer2.1`); any other is appended (`conv1`).
 */
function scopeOf(name: string): { path: string; last: string } | undefined {
  if (!name.startsWith("/")) return undefined;
  const scopes = name.slice(1).split("/");
  const last = scopes.pop() ?? "";
  const path: string[] = [];
  for (const scope of scopes) {
    const before = path.at(-1);
    if (before !== undefined && scope.startsWith(`${before}.`)) path.pop();
    path.push(scope);
  }
  return { path: path.join("."), last };
}

function numbered(name: string, taken: ReadonlySet<string>): string {
  let n = 2;
  while (taken.has(`${name}.${n}`)) n++;
  return `${name}.${n}`;
}
