/**
 * How a change of a layer's channels reaches the logits: the plan that every fast route works from. Pure data.
 *
 * Behind the response come operators that treat channels separately (`channelwise`: activation, pooling, batch norm,
 * flatten, a residual addition). Where they end, the change meets either a linear operator (a *frontier*: its output
 * changes by one channel's contribution, so it is never recomputed) or anything else (a *carried* tensor: handed on with
 * the channel replaced). Everything after is recomputed.
 *
 * All of that holds only where it is proven that each image's part of a tensor is computed from that image alone. Where
 * it is not, the plan is the *whole* network from the image on, with the units replaced at the tap.
 */
import { inferTypes } from "../onnx/element-types.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { tensorLayer } from "../onnx/layers.ts";
import { isShape, rowsOf } from "../onnx/rows.ts";
import type { Model } from "../runtime/model.ts";
import { type ChannelTensor, channelTensor, isLinear, throughChannelwise } from "./channel-tensor.ts";

export type { ChannelTensor } from "./channel-tensor.ts";

/** A linear operator that reads a channelwise tensor. */
export interface Frontier {
  readonly node: Node;
  readonly input: ChannelTensor;
  readonly output: string;
}

/** Where a layer's units are in its tap. */
export interface UnitPlace {
  readonly tap: string;
  readonly units: number;
  readonly axis: number;
  readonly unitSize: number;
  readonly rank: number;
}

/** The plan for one tap. */
export interface SuffixPlan extends UnitPlace {
  /** Operators between the response and the frontiers, in order. */
  readonly channelwise: readonly Node[];
  readonly frontiers: readonly Frontier[];
  /** Channelwise tensors that recomputed operators (or the output) read. */
  readonly carried: readonly ChannelTensor[];
  /** Tensors that do not depend on the tap and are read by recomputed operators; one row, or more, an image. */
  readonly side: readonly string[];
  /** Operators that are recomputed, in order. */
  readonly recomputed: readonly Node[];
  readonly logits: string;
  /** Why the whole network runs for every pair: the operator or tensor that is not proven; `null` where it need not. */
  readonly whole: string | null;
}

/** What a plan is made from. */
export type PlannedNetwork = Pick<Model, "graph" | "logits" | "shapes" | "rows" | "layers" | "input" | "batch">;

/** Where the units of a tap are: a layer's, or those of any tensor that has some. */
export function unitPlace({ graph, logits, shapes, layers, input }: PlannedNetwork, tap: string): UnitPlace {
  const layer = layers.find((each) => each.tap === tap) ?? tensorLayer(graph, tap, { shapes, input, logits });
  if (typeof layer === "string") throw new Error(`internal: tap "${tap}": expected units, got ${layer}`);
  const { units, axis, unitSize, rank } = layer;
  return { tap, units, axis, unitSize, rank };
}

/** Plans the way from a tap to the logits. */
export function planSuffix(network: PlannedNetwork, tap: string): SuffixPlan {
  const place = unitPlace(network, tap);
  if (network.batch !== null) return wholePlan(network, place, "a network of a fixed number of images");
  const { units, axis, unitSize } = place;
  const start = channelTensor(tap, network, { axis, channels: units, offset: 0, run: unitSize });
  if (!start) return wholePlan(network, place, `tensor "${tap}": images not proven to stand apart`);
  return planFrom(network, place, start);
}

function planFrom(network: PlannedNetwork, place: UnitPlace, start: ChannelTensor): SuffixPlan {
  const { graph, logits, rows } = network;
  const dependent = valuesOf(graph, place.tap);
  const types = inferTypes(graph);
  const tracked = new Map<string, ChannelTensor>([[place.tap, start]]);
  const channelwise: Node[] = [];
  const frontiers: Frontier[] = [];
  const recomputed: Node[] = [];
  const carried = new Map<string, ChannelTensor>();
  const side = new Set<string>();
  const counting = new Set<string>();
  const read = new Set([logits, ...graph.nodes.flatMap(({ inputs }) => inputs)]);
  for (const node of graph.nodes) {
    if (isShape(node) || !node.inputs.some((input) => dependent.has(input))) continue;
    const moving = node.inputs.filter((input) => dependent.has(input));
    const channels = moving.map((input) => tracked.get(input));
    if (channels.every((tensor): tensor is ChannelTensor => tensor !== undefined)) {
      const result = throughChannelwise(node, channels, network);
      if (result && node.inputs.every((input) => tracked.has(input) || rows.get(input) !== "count")) {
        tracked.set(result.name, result);
        channelwise.push(node);
        continue;
      }
      const [only] = channels;
      const output = node.outputs[0] ?? "";
      if (only && channels.length === 1 && isLinear(node, only, graph) && rowsOf(rows.get(output))) {
        frontiers.push({ node, input: only, output });
        continue;
      }
    }
    for (const output of node.outputs) {
      if (read.has(output) && !rowsOf(rows.get(output))) {
        return wholePlan(network, place, `${node.op} "${node.name}": images not proven to stay apart`);
      }
    }
    recomputed.push(node);
    for (const input of node.inputs) {
      const tensor = tracked.get(input);
      if (tensor) carried.set(input, tensor);
      else if (input !== "" && !dependent.has(input) && !graph.constants.has(input)) {
        if (rows.get(input) === "count") counting.add(input);
        else if (!rowsOf(rows.get(input)) || types.get(input) !== "float32") {
          return wholePlan(network, place, `tensor "${input}": expected floats of each image's own`);
        } else side.add(input);
      }
    }
  }
  const last = tracked.get(logits);
  if (last) carried.set(logits, last);
  const counted = countingNodes(graph, counting);
  const stray = counted.find((node) => isShape(node) && (node.op !== "Shape" || node.inputs[0] !== network.input.name));
  if (stray) return wholePlan(network, place, `${stray.op} "${stray.name}": a size that is not known`);
  const isRecomputed = new Set([...recomputed, ...counted]);
  return {
    ...place,
    channelwise,
    frontiers,
    carried: [...carried.values()],
    side: [...side],
    recomputed: graph.nodes.filter((node) => isRecomputed.has(node)),
    logits,
    whole: null,
  };
}

/** Every pair through the whole network: what is always right. */
function wholePlan({ graph, logits, input }: PlannedNetwork, place: UnitPlace, whole: string): SuffixPlan {
  return {
    ...place,
    channelwise: [],
    frontiers: [],
    carried: [],
    side: [input.name],
    recomputed: graph.nodes,
    logits,
    whole,
  };
}

/** Every tensor whose values depend on the given one; what reads only its size does not. */
function valuesOf(graph: Graph, tensor: string): Set<string> {
  const dependent = new Set([tensor]);
  for (const node of graph.nodes) {
    if (isShape(node)) continue;
    if (node.inputs.some((input) => dependent.has(input))) for (const output of node.outputs) dependent.add(output);
  }
  return dependent;
}

/** The operators that compute tensors from the number of images. */
function countingNodes(graph: Graph, tensors: ReadonlySet<string>): Node[] {
  const needed = new Set(tensors);
  return graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    if (!isShape(node)) for (const input of node.inputs) needed.add(input);
    return true;
  });
}
