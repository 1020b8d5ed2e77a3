/**
 * The graph from one layer's change to the logits, for any rows of a block of images and one unit (or one set of units).
 *
 * Frontier outputs are the baseline's minus the contribution of what was removed; carried tensors get the replaced
 * channels; the rest is the network's own operators. Everything that differs between runs is a graph input, so one
 * session serves a whole sweep.
 */
import { UnitscopeError } from "../errors.ts";
import { cutTo } from "../onnx/edit.ts";
import {
  type Attribute,
  type Dim,
  floatAttribute,
  floatTensor,
  type Graph,
  intAttribute,
  intTensor,
  type Node,
  node,
  type Port,
  type Tensor,
} from "../onnx/graph.ts";
import { isShape, type RowFact } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";
import { sortNodes } from "../onnx/sort.ts";
import { positionsOf, standsFirst } from "./channel-tensor.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import { fromRows, type GraphParts, type RowForm, rowForm, toRows } from "./row-form.ts";
import type { Frontier, SuffixPlan } from "./suffix-plan.ts";

/** Rows of the block that are computed: int32 `[pairs]`. */
export const ROWS_INPUT = "unitscope/rows";
/** In a unit graph: row · units + unit, int32 `[pairs]`. */
export const CHANGE_ROWS_INPUT = "unitscope/change_rows";
/** In a unit graph: the unit, int32 `[1]`. */
export const UNIT_INPUT = "unitscope/unit";
/** In a set graph: 1 for a removed unit, else 0; float32 `[1, units, 1]`. */
export const REMOVED_INPUT = "unitscope/removed";
/** Which channels of carried tensor `i` are replaced: bool `[1, channels, 1, 1]` or `[1, columns]`. */
export const replacedInput = (i: number): string => `unitscope/is_replaced_${i}`;

/**
 * Builds the suffix for one unit at a time (`"unit"`) or for any set of units (`"set"`).
 *
 * @param options.keepsState fetch, behind the logits, what further removals start from; see `stateTensors`.
 */
export function buildSuffix(
  graph: Graph,
  plan: SuffixPlan,
  ports: LayerPorts,
  {
    shapes,
    rows: facts,
    removes,
    keepsState = false,
  }: {
    shapes: ReadonlyMap<string, Shape>;
    rows: ReadonlyMap<string, RowFact>;
    removes: "unit" | "set";
    keepsState?: boolean;
  },
): Graph {
  const nodes: Node[] = [];
  const constants = new Map(graph.constants);
  const inputs = new Map<string, Port>();
  const input = (name: string, type: Port["type"], shape: readonly Dim[] | null): string => {
    inputs.set(name, { name, type, shape });
    return name;
  };
  const insert = (
    op: string,
    from: string[],
    to: string,
    attributes: Record<string, Attribute | number> = {},
  ): string => {
    nodes.push(node(op, from, [to], attributes));
    return to;
  };
  const constant = (name: string, tensor: Tensor): string => {
    constants.set(name, tensor);
    return name;
  };
  const parts = { nodes, constants };
  const formOf = (name: string): RowForm | null => (plan.whole === null ? rowForm(name, facts, shapes) : null);
  const block = (name: string): readonly Dim[] => {
    const form = formOf(name);
    return ["block", ...(form ? [form.before, form.behind] : (shapes.get(name) ?? []).slice(1))];
  };
  const rows = input(ROWS_INPUT, "int32", ["pairs"]);
  const renamed = new Map<string, string>();

  plan.frontiers.forEach((frontier, i) => {
    const port = ports.frontiers[i];
    const at = `unitscope/frontier_${i}`;
    const change = input(port.change, "float32", ["block", plan.units, port.positions]);
    const base = input(port.output, "float32", block(frontier.output));
    let removed: string;
    let channels: number;
    if (removes === "unit") {
      const single = constant(`${at}/single`, intTensor([-1, port.positions]));
      insert("Reshape", [change, single], `${at}/changes`);
      removed = insert("Gather", [`${at}/changes`, input(CHANGE_ROWS_INPUT, "int32", ["pairs"])], `${at}/removed`);
      channels = 1;
    } else {
      insert("Gather", [change, rows], `${at}/changes`);
      removed = insert("Mul", [`${at}/changes`, input(REMOVED_INPUT, "float32", [1, plan.units, 1])], `${at}/removed`);
      channels = plan.units;
    }
    const kept = insert("Gather", [base, rows], `${at}/base`);
    const all = constant(`${at}/weights`, frontierWeights(frontier, plan.units, graph));
    const picked = removes === "unit" ? insert("Gather", [all, input(UNIT_INPUT, "int32", [1])], `${at}/kernel`) : all;
    const contribution = `${at}/contribution`;
    if (frontier.node.op === "Conv") {
      const shape = constant(`${at}/shape`, intTensor([-1, channels, ...frontier.input.dims.slice(2)]));
      const shaped = insert("Reshape", [removed, shape], `${at}/shaped`);
      const kernelShape = constant(`${at}/kernel_shape`, intTensor([channels, -1, ...kernelSize(frontier, graph)]));
      insert("Reshape", [picked, kernelShape], `${at}/kernel_shaped`);
      insert("Transpose", [`${at}/kernel_shaped`], `${at}/kernel_turned`, {
        perm: { kind: "ints", value: [1, 0, 2, 3] },
      });
      insert("Conv", [shaped, `${at}/kernel_turned`], contribution, frontier.node.attributes);
    } else {
      contributeProduct(frontier, {
        removed,
        picked,
        contribution,
        channels,
        at,
        parts,
        form: formOf(frontier.output),
      });
    }
    const output = insert("Sub", [kept, contribution], `${at}/output`);
    renamed.set(frontier.output, fromRows(output, formOf(frontier.output), parts));
  });

  plan.carried.forEach((tensor, i) => {
    const port = ports.carried[i];
    const at = `unitscope/carried_${i}`;
    const form = formOf(tensor.name);
    const maskShape = tensor.dims.map((_, axis) => (axis === tensor.axis ? tensor.channels * tensor.run : 1));
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
    constants,
    inputs: [...inputs.values()],
    outputs: [],
  };
  const state = keepsState ? stateTensors(plan, ports).map(({ output }) => output) : [];
  return cutTo(whole, [...new Set([logits, ...state])]);
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

/** The contribution of removed units to a product's output, in the form of the output's rows. */
function contributeProduct(
  { input }: Frontier,
  {
    removed,
    picked,
    contribution,
    channels,
    at,
    parts: { nodes, constants },
    form,
  }: {
    removed: string;
    picked: string;
    contribution: string;
    channels: number;
    at: string;
    parts: GraphParts;
    form: RowForm | null;
  },
): void {
  const { run, dims } = input;
  const insert = (
    op: string,
    from: string[],
    to: string,
    attributes: Record<string, Attribute | number> = {},
  ): string => {
    nodes.push(node(op, from, [to], attributes));
    return to;
  };
  const constant = (name: string, values: number[]): string => {
    constants.set(name, intTensor(values));
    return name;
  };
  const places = positionsOf(input) / run;
  const kernel = insert(
    "Reshape",
    [picked, constant(`${at}/kernel_shape`, [channels * run, -1])],
    `${at}/kernel_shaped`,
  );
  const rest = standsFirst(input) ? dims.slice(1, -1) : [places];
  let shaped: string;
  if (channels === 1 || places === 1) {
    shaped = insert("Reshape", [removed, constant(`${at}/shape`, [-1, ...rest, channels * run])], `${at}/shaped`);
  } else {
    insert("Reshape", [removed, constant(`${at}/shape`, [-1, channels, places, run])], `${at}/shaped`);
    insert("Transpose", [`${at}/shaped`], `${at}/shaped_turned`, { perm: { kind: "ints", value: [0, 2, 1, 3] } });
    const flat = constant(`${at}/shape_flat`, [-1, ...rest, channels * run]);
    shaped = insert("Reshape", [`${at}/shaped_turned`, flat], `${at}/shaped_flat`);
  }
  if (!form) insert("MatMul", [shaped, kernel], contribution);
  else {
    const product = insert("MatMul", [shaped, kernel], `${at}/product`);
    insert("Reshape", [product, constant(`${at}/rows`, [-1, form.before, form.behind])], contribution);
  }
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

/** A frontier's weights by unit: `[units, outputs, kh, kw]` of a convolution, `[units, run, outputs]` of a product. */
export function frontierWeights({ node: of, input }: Frontier, units: number, graph: Graph): Tensor {
  const weight = graph.constants.get(of.inputs[1] ?? "");
  if (!weight || weight.type !== "float32") {
    throw new UnitscopeError("internal", `internal: frontier "${of.name}": expected float32 weights, got none`);
  }
  const from = weight.data as Float32Array;
  if (of.op === "Conv") {
    const [outputs, channels, kh, kw] = weight.dims as [number, number, number, number];
    const area = kh * kw;
    const data = new Float32Array(units * outputs * area);
    for (let unit = 0; unit < units; unit++) {
      for (let out = 0; out < outputs; out++) {
        const start = (out * channels + input.offset + unit) * area;
        for (let i = 0; i < area; i++) data[(unit * outputs + out) * area + i] = from[start + i];
      }
    }
    return floatTensor([units, outputs, kh, kw], data);
  }
  const isTransposed = of.op === "Gemm" && intAttribute(of, "transB", 0) === 1;
  const alpha = of.op === "Gemm" ? floatAttribute(of, "alpha", 1) : 1;
  const [rowCount, columnCount] = weight.dims as [number, number];
  const outputs = isTransposed ? rowCount : columnCount;
  const { run } = input;
  const data = new Float32Array(units * run * outputs);
  const start = input.offset * run;
  for (let row = 0; row < units * run; row++) {
    for (let out = 0; out < outputs; out++) {
      const at = isTransposed ? out * columnCount + start + row : (start + row) * columnCount + out;
      data[row * outputs + out] = alpha * from[at];
    }
  }
  return floatTensor([units, run, outputs], data);
}

function kernelSize({ node: of }: Frontier, graph: Graph): number[] {
  return (graph.constants.get(of.inputs[1]) as Tensor).dims.slice(2);
}
