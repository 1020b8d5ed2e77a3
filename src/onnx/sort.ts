/** Topological order of nodes. */
import { UnitscopeError } from "../errors.ts";
import type { Node } from "./graph.ts";

/** Nodes so that each comes after those whose outputs it reads; files must be sorted, but graphs changed as data may not be. */
export function sortNodes(nodes: readonly Node[]): Node[] {
  const producer = new Map<string, Node>();
  for (const each of nodes) for (const output of each.outputs) if (output !== "") producer.set(output, each);
  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const root of nodes) {
    const stack: Node[] = [root];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (state.get(top) === "done") {
        stack.pop();
        continue;
      }
      const waiting = top.inputs
        .map((input) => producer.get(input))
        .filter((before): before is Node => before !== undefined && state.get(before) !== "done");
      if (waiting.length === 0) {
        state.set(top, "done");
        sorted.push(top);
        stack.pop();
        continue;
      }
      if (state.get(top) === "open" && waiting.some((before) => state.get(before) === "open")) {
        throw new UnitscopeError("model", `node "${top.name}": expected a graph without cycles, got one`);
      }
      state.set(top, "open");
      stack.push(...waiting);
    }
  }
  return sorted;
}
