/**
 * The graph from one layer's change to the logits, for any rows of a block of images and one unit (or one set of units).
 *
 * Frontier outputs are the baseline's minus the contribution of what was removed; carried tensors get the replaced
 * channels; the rest is the network's own operators. Everything that differs between runs is a graph input, so one
 * session serves a whole sweep.
 */
import { cutTo } from "../onnx/edit.ts";
import { type Dim, type Graph, intTensor, type Node, node, type Port } from "../onnx/graph.ts";
import { graphWriter } from "../onnx/graph-writer.ts";
import { pickEarly } from "../onnx/pick-early.ts";
import { isShape, type RowFact } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";
import { sortNodes } from "../onnx/sort.ts";
import { contribute, frontierWeights } from "./frontier-graph.ts";
import { rowsInput } from "./frontier-rows.ts";
import type { FrontierTables } from "./frontier-tables.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import { fromRows, type RowForm, rowForm, toRows } from "./row-form.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** Rows of the block that are computed: int32 `[pairs]`. */
export const ROWS_INPUT = "unitscope/rows";
/** In a unit graph: row · units + unit, int32 `[pairs]`. */
export const CHANGE_ROWS_INPUT = "unitscope/change_rows";
/** In a unit graph: the unit, int32 `[1]`. */
export const UNIT_INPUT = "unitscope/unit";
/** In a set graph: 1 for a removed unit, else 0; float32 `[1, units, 1]`. */
export const REMOVED_INPUT = "unitscope/removed";
/** Which channels of carried tensor `i` are replaced: bool `[1 or pairs, channels, 1, 1]` or `[1 or pairs, columns]`. */
export const replacedInput = (i: number): string => `unitscope/is_replaced_${i}`;

/**
 * Builds the suffix for one unit at a time (`"unit"`), for any set of units (`"set"`), or for pairs of any unit and any
 * image (`"pairs"`), whose frontiers' rows are inputs.
 *
 * @param options.tables in a graph of pairs, what is known of each frontier. @param options.keepsState fetch, behind the logits, what further removals start from; see `stateTensors`.
 */
export function buildSuffix(
  graph: Graph,
  plan: SuffixPlan,
  ports: LayerPorts,
  {
    shapes,
    rows: facts,
    removes,
    tables = [],
    keepsState = false,
  }: {
    shapes: ReadonlyMap<string, Shape>;
    rows: ReadonlyMap<string, RowFact>;
    removes: "unit" | "set" | "pairs";
    tables?: readonly FrontierTables[];
    keepsState?: boolean;
  },
): Graph {
  const inputs = new Map<string, Port>();
  const input = (name: string, type: Port["type"], shape: readonly Dim[] | null): string => {
    inputs.set(name, { name, type, shape });
    return name;
  };
  const parts = graphWriter(graph.constants);
  const { nodes, insert } = parts;
  const formOf = (name: string): RowForm | null => (plan.whole === null ? rowForm(name, facts, shapes) : null);
  const block = (name: string): readonly Dim[] => {
    const form = formOf(name);
    return ["block", ...(form ? [form.before, form.behind] : (shapes.get(name) ?? []).slice(1))];
  };
  const rows = input(ROWS_INPUT, "int32", ["pairs"]);
  const renamed = new Map<string, string>();

  if (removes === "pairs") {
    tables.forEach(({ output, dims }, i) => renamed.set(output, input(rowsInput(i), "float32", ["pairs", ...dims])));
  }
  const differing = removes === "pairs" ? [] : plan.frontiers;
  differing.forEach((frontier, i) => {
    const port = ports.frontiers[i];
    const at = `unitscope/frontier_${i}`;
    const change = input(port.change, "float32", ["block", plan.units, port.positions]);
    const base = input(port.output, "float32", block(frontier.output));
    let removed: string;
    let channels: number;
    if (removes === "unit") {
      const single = parts.constant(`${at}/single`, intTensor([-1, port.positions]));
      insert("Reshape", [change, single], `${at}/changes`);
      removed = insert("Gather", [`${at}/changes`, input(CHANGE_ROWS_INPUT, "int32", ["pairs"])], `${at}/removed`);
      channels = 1;
    } else {
      insert("Gather", [change, rows], `${at}/changes`);
      removed = insert("Mul", [`${at}/changes`, input(REMOVED_INPUT, "float32", [1, plan.units, 1])], `${at}/removed`);
      channels = plan.units;
    }
    const kept = insert("Gather", [base, rows], `${at}/base`);
    const weights = parts.constant(`${at}/weights`, frontierWeights(frontier, plan.units, graph));
    const picked =
      removes === "unit" ? insert("Gather", [weights, input(UNIT_INPUT, "int32", [1])], `${at}/kernel`) : weights;
    const contribution = contribute(frontier, {
      removed,
      picked,
      channels,
      at,
      parts,
      form: formOf(frontier.output),
      graph,
    });
    const output = insert("Sub", [kept, contribution], `${at}/output`);
    renamed.set(frontier.output, fromRows(output, formOf(frontier.output), parts));
  });

  plan.carried.forEach((tensor, i) => {
    const port = ports.carried[i];
    const at = `unitscope/carried_${i}`;
    const form = formOf(tensor.name);
    const maskShape = tensor.dims.map((_, axis) => (axis === tensor.axis ? tensor.channels * tensor.run : 1) as Dim);
    if (removes === "pairs") maskShape[0] = "pairs";
    const rowsKept = insert("Gather", [input(port.tensor, "float32", block(tensor.name)), rows], `${at}/kept`);
    const kept = fromRows(rowsKept, form, parts);
    const replacedShape = port.isFixed ? null : ["block", ...tensor.dims.slice(1)];
    const replaced = input(port.replaced, "float32", replacedShape);
    const picked = port.isFixed ? replaced : insert("Gather", [replaced, rows], `${at}/picked`);
    const mask = input(replacedInput(i), "bool", maskShape);
    const whole = insert("Where", [mask, picked, kept], `${at}/whole`);
    if (keepsState) nodes.push(node("Identity", [toRows(whole, form, parts)], [`${at}/tensor`]));
    renamed.set(tensor.name, whole);
  });

  plan.side.forEach((name, i) => {
    const port = input(ports.side[i] ?? name, "float32", block(name));
    renamed.set(name, fromRows(insert("Gather", [port, rows], `unitscope/side/${name}`), formOf(name), parts));
  });
  for (const each of plan.recomputed) {
    // What is computed from the number of images reads the number of pairs.
    const own = isShape(each) && plan.whole === null ? [rows] : each.inputs.map((name) => renamed.get(name) ?? name);
    nodes.push({ ...each, inputs: own });
  }
  if (plan.whole !== null) replaceAtTap(plan, { nodes, ports, input });
  const isTapLogits = plan.whole !== null && plan.tap === plan.logits;
  const logits = isTapLogits ? WHOLE_TAP : (renamed.get(plan.logits) ?? plan.logits);
  const whole: Graph = {
    ...graph,
    nodes: plan.whole === null ? nodes : sortNodes(nodes),
    constants: parts.constants,
    inputs: [...inputs.values()],
    outputs: [],
  };
  const state = keepsState ? stateTensors(plan, ports).map(({ output }) => output) : [];
  const needed = cutTo(whole, [...new Set([logits, ...state])]);
  return plan.whole === null ? pickEarly(needed) : needed;
}

/** The response in which units are replaced, in a graph of the whole network. */
const WHOLE_TAP = "unitscope/whole/response";

/** In the whole network, everything that read the tap reads it with the units replaced. */
function replaceAtTap(
  plan: SuffixPlan,
  {
    nodes,
    ports,
    input,
  }: {
    nodes: Node[];
    ports: LayerPorts;
    input: (name: string, type: Port["type"], shape: readonly Dim[] | null) => string;
  },
): void {
  const shape = Array.from({ length: plan.rank }, (_, axis) => (axis === plan.axis ? plan.units * plan.unitSize : 1));
  const mask = input(replacedInput(0), "bool", shape);
  const replaced = input(ports.carried[0]?.replaced ?? "", "float32", shape);
  nodes.forEach((each, i) => {
    if (!each.inputs.includes(plan.tap) || isShape(each)) return;
    nodes[i] = { ...each, inputs: each.inputs.map((name) => (name === plan.tap ? WHOLE_TAP : name)) };
  });
  nodes.push(node("Where", [mask, replaced, plan.tap], [WHOLE_TAP]));
}

/**
 * What further removals start from: for every frontier output and carried tensor, its name among the prefix's outputs
 * and the name of the suffix's output that takes its place once units are removed.
 */
export function stateTensors(
  plan: SuffixPlan,
  ports: LayerPorts,
): { readonly tensor: string; readonly output: string }[] {
  if (plan.whole !== null) return [];
  return [
    ...plan.frontiers.map((_, i) => ({
      tensor: ports.frontiers[i].output,
      output: `unitscope/frontier_${i}/output`,
    })),
    ...plan.carried.map((_, i) => ({
      tensor: ports.carried[i].tensor,
      output: `unitscope/carried_${i}/tensor`,
    })),
  ];
}
