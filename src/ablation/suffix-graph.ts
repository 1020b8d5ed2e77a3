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
import type { Shape } from "../onnx/shapes.ts";
import type { LayerPorts } from "./prefix-graph.ts";
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
 * @param options.isFused use ONNX Runtime's fused convolution, which its CPU provider has, in a unit graph.
 * @param options.keepsState fetch, behind the logits, what further removals start from; see `stateTensors`.
 */
export function buildSuffix(
  graph: Graph,
  plan: SuffixPlan,
  ports: LayerPorts,
  {
    shapes,
    removes,
    keepsState = false,
    isFused = false,
  }: { shapes: ReadonlyMap<string, Shape>; removes: "unit" | "set"; keepsState?: boolean; isFused?: boolean },
): Graph {
  const nodes: Node[] = [];
  const constants = new Map(graph.constants);
  const inputs = new Map<string, Port>();
  const input = (name: string, type: Port["type"], shape: readonly Dim[]): string => {
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
  const block = (name: string): readonly Dim[] => ["block", ...(shapes.get(name) ?? []).slice(1)];
  const rows = input(ROWS_INPUT, "int32", ["pairs"]);
  const renamed = new Map<string, string>();
  const absorbed = new Set<Node>();

  plan.frontiers.forEach((frontier, i) => {
    const port = ports.frontiers[i];
    const at = `unitscope/frontier_${i}`;
    const change = input(port.change, "float32", ["block", plan.units, port.positions]);
    const base = input(port.output, "float32", block(port.output));
    const size = frontier.input.isFlat ? [port.positions] : frontier.input.size;
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
    const isProduct = frontier.node.op !== "Conv";
    const shape = constant(
      `${at}/shape`,
      intTensor([-1, ...(isProduct ? [channels * port.positions] : [channels, ...size])]),
    );
    const shaped = insert("Reshape", [removed, shape], `${at}/shaped`);
    const kept = insert("Gather", [base, rows], `${at}/base`);
    const weights = frontierWeights(frontier, plan.units, port.positions, graph);
    if (removes === "unit" && isFused) {
      // base − contribution in one operator: the weights change their sign and the product adds to the base.
      const all = constant(
        `${at}/weights`,
        floatTensor(
          weights.dims,
          (weights.data as Float32Array).map((w) => -w),
        ),
      );
      insert("Gather", [all, input(UNIT_INPUT, "int32", [1])], `${at}/kernel`);
      const kernelShape = isProduct ? [port.positions, -1] : [-1, 1, ...kernelSize(frontier, graph)];
      insert(
        "Reshape",
        [`${at}/kernel`, constant(`${at}/kernel_shape`, intTensor(kernelShape))],
        `${at}/kernel_shaped`,
      );
      if (isProduct) {
        renamed.set(frontier.output, insert("Gemm", [shaped, `${at}/kernel_shaped`, kept], `${at}/output`));
        return;
      }
      const relu = keepsState ? undefined : onlyRelu(frontier.output, plan);
      const output = relu?.outputs[0] ?? frontier.output;
      const fused = node("FusedConv", [shaped, `${at}/kernel_shaped`, "", kept], [`${at}/output`], {
        ...frontier.node.attributes,
        ...(relu && { activation: "Relu" }),
      });
      nodes.push({ ...fused, domain: "com.microsoft" });
      if (relu) absorbed.add(relu);
      renamed.set(output, `${at}/output`);
      return;
    }
    const all = constant(`${at}/weights`, weights);
    const picked = removes === "unit" ? insert("Gather", [all, input(UNIT_INPUT, "int32", [1])], `${at}/kernel`) : all;
    const kernelShape = isProduct ? [channels * port.positions, -1] : [channels, -1, ...kernelSize(frontier, graph)];
    insert("Reshape", [picked, constant(`${at}/kernel_shape`, intTensor(kernelShape))], `${at}/kernel_shaped`);
    const contribution = `${at}/contribution`;
    if (isProduct) insert("MatMul", [shaped, `${at}/kernel_shaped`], contribution);
    else {
      insert("Transpose", [`${at}/kernel_shaped`], `${at}/kernel_turned`, {
        perm: { kind: "ints", value: [1, 0, 2, 3] },
      });
      insert("Conv", [shaped, `${at}/kernel_turned`], contribution, frontier.node.attributes);
    }
    renamed.set(frontier.output, insert("Sub", [kept, contribution], `${at}/output`));
  });

  plan.carried.forEach((tensor, i) => {
    const port = ports.carried[i];
    const at = `unitscope/carried_${i}`;
    const positions = tensor.size.reduce((a, b) => a * b, 1);
    const maskShape = tensor.isFlat
      ? [1, tensor.channels * positions]
      : [1, tensor.channels, ...tensor.size.map(() => 1)];
    const kept = insert("Gather", [input(port.tensor, "float32", block(port.tensor)), rows], `${at}/kept`);
    const replaced = input(
      port.replaced,
      "float32",
      port.isFixed ? [1, ...block(port.tensor).slice(1)] : block(port.tensor),
    );
    const picked = port.isFixed ? replaced : insert("Gather", [replaced, rows], `${at}/picked`);
    const mask = input(replacedInput(i), "bool", maskShape);
    renamed.set(tensor.name, insert("Where", [mask, picked, kept], `${at}/tensor`));
  });

  for (const name of plan.side) {
    renamed.set(name, insert("Gather", [input(name, "float32", block(name)), rows], `unitscope/side/${name}`));
  }
  for (const each of plan.recomputed) {
    if (absorbed.has(each)) continue;
    nodes.push({ ...each, inputs: each.inputs.map((name) => renamed.get(name) ?? name) });
  }
  const logits = renamed.get(plan.logits) ?? plan.logits;
  const opsets = isFused ? new Map([...graph.opsets, ["com.microsoft", 1] as const]) : graph.opsets;
  const whole: Graph = { ...graph, nodes, constants, opsets, inputs: [...inputs.values()], outputs: [] };
  const state = keepsState ? stateTensors(plan, ports).map(({ output }) => output) : [];
  return cutTo(whole, [...new Set([logits, ...state])]);
}

/**
 * What further removals start from: for every frontier output and carried tensor, its name among the prefix's outputs
 * and the name of the suffix's output that takes its place once units are removed.
 */
export function stateTensors(
  plan: SuffixPlan,
  ports: LayerPorts,
): { readonly tensor: string; readonly output: string }[] {
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

/**
 * A frontier's weights by unit: `[units, outputs, kh, kw]` of a convolution, `[units, positions, outputs]` of a product;
 * times `sign`.
 */
export function frontierWeights(
  { node: of, input }: Frontier,
  units: number,
  positions: number,
  graph: Graph,
  { sign = 1 }: { sign?: 1 | -1 } = {},
): Tensor {
  const weight = graph.constants.get(of.inputs[1]);
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
        for (let i = 0; i < area; i++) data[(unit * outputs + out) * area + i] = sign * from[start + i];
      }
    }
    return floatTensor([units, outputs, kh, kw], data);
  }
  const isTransposed = of.op === "Gemm" && intAttribute(of, "transB", 0) === 1;
  const alpha = sign * (of.op === "Gemm" ? floatAttribute(of, "alpha", 1) : 1);
  const [rowCount, columnCount] = weight.dims as [number, number];
  const outputs = isTransposed ? rowCount : columnCount;
  const data = new Float32Array(units * positions * outputs);
  const start = input.offset * positions;
  for (let row = 0; row < units * positions; row++) {
    for (let out = 0; out < outputs; out++) {
      const at = isTransposed ? out * columnCount + start + row : (start + row) * columnCount + out;
      data[row * outputs + out] = alpha * from[at];
    }
  }
  return floatTensor([units, positions, outputs], data);
}

/** The frontier's reader, where it is a ReLU and the only one. */
function onlyRelu(tensor: string, plan: SuffixPlan): Node | undefined {
  const readers = plan.recomputed.filter((each) => each.inputs.includes(tensor));
  const [reader] = readers;
  return readers.length === 1 && reader?.op === "Relu" && tensor !== plan.logits ? reader : undefined;
}

function kernelSize({ node: of }: Frontier, graph: Graph): number[] {
  return (graph.constants.get(of.inputs[1]) as Tensor).dims.slice(2);
}
