/**
 * The graph that runs once over the images: from the pixels to everything that the suffixes of all requested layers
 * start from, and to the baseline logits.
 *
 * For every layer the operators between the response and its frontiers run twice: on the response, and on the constant
 * that replaces it. A unit's change at a frontier is the difference of the two, channel by channel.
 */
import { cutTo } from "../onnx/edit.ts";
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import { sortNodes } from "../onnx/sort.ts";
import type { ChannelTensor, SuffixPlan } from "./suffix-plan.ts";

/** Where a suffix finds its tensors among the prefix's outputs. Names are the prefix's output names. */
export interface LayerPorts {
  /** Per frontier: its baseline output and the change of its input, `[N, units, positions]`. */
  readonly frontiers: readonly { readonly output: string; readonly change: string; readonly positions: number }[];
  /** Per carried tensor: itself, and itself with every unit replaced (of batch 1 where `isFixed`). */
  readonly carried: readonly { readonly tensor: string; readonly replaced: string; readonly isFixed: boolean }[];
  readonly side: readonly string[];
  /** Per frontier, then per carried tensor: largest absolute change and Euclidean norm of the change, `[N, units]`. */
  readonly magnitudes: readonly { readonly largest: string; readonly norm: string }[];
}

/** The prefix of several layers in one graph. */
export interface Prefix {
  readonly graph: Graph;
  /** The same before it was cut: also holds the fixed replaced tensors, which need no image. */
  readonly twins: Graph;
  readonly layers: readonly LayerPorts[];
}

/** One layer's plan and the constants that replace its units, `[units]`. */
export interface PlannedLayer {
  readonly plan: SuffixPlan;
  readonly replacement: Float32Array;
}

/**
 * Builds the prefix.
 * @param options.observed taps whose responses are fetched too.
 */
export function buildPrefix(
  graph: Graph,
  planned: readonly PlannedLayer[],
  {
    logits,
    shapes,
    observed = [],
  }: { logits: string; shapes: ReadonlyMap<string, Shape>; observed?: readonly string[] },
): Prefix {
  const nodes: Node[] = [...graph.nodes];
  const constants = new Map(graph.constants);
  const outputs = new Set<string>([logits, ...observed]);
  const opset = graph.opsets.get("") ?? 0;
  const layers = planned.map(({ plan, replacement }, index): LayerPorts => {
    const scope = `unitscope/${index}`;
    const insert = (op: string, inputs: string[], name: string, attributes = {}): string => {
      nodes.push(node(op, inputs, [name], attributes));
      return name;
    };
    const constant = (name: string, tensor: Tensor): string => {
      constants.set(name, tensor);
      return name;
    };
    const twin = new Map([[plan.tap, constant(`${scope}/replacement`, filled(replacement, shapes.get(plan.tap)))]]);
    const fixed = new Set([plan.tap]);
    for (const each of plan.channelwise) {
      const output = each.outputs[0];
      twin.set(output, `${scope}/${output}`);
      if (each.inputs.every((input) => input === "" || fixed.has(input) || graph.constants.has(input)))
        fixed.add(output);
      // A replacement has batch 1; beside tensors of the images' batch a concatenation needs it spread out.
      const spread = (tensor: string): string => {
        insert("Shape", [tensor], `${scope}/shape/${tensor}`);
        return insert("Expand", [twin.get(tensor) as string, `${scope}/shape/${tensor}`], `${scope}/spread/${tensor}`);
      };
      const isMixed = each.op === "Concat" && !fixed.has(output);
      nodes.push({
        ...each,
        name: `${scope}/${each.name}`,
        inputs: each.inputs.map((tensor) =>
          isMixed && fixed.has(tensor) ? spread(tensor) : (twin.get(tensor) ?? tensor),
        ),
        outputs: [`${scope}/${output}`],
      });
    }
    const changes = new Map<string, { change: string; largest: string; norm: string; positions: number }>();
    const changeOf = (tensor: ChannelTensor): { change: string; largest: string; norm: string; positions: number } => {
      const known = changes.get(tensor.name);
      if (known) return known;
      const at = `${scope}/change/${tensor.name}`;
      const positions = tensor.size.reduce((a, b) => a * b, 1);
      insert("Sub", [tensor.name, twin.get(tensor.name) as string], `${at}/all`);
      const own = ownChannels(tensor, plan.units, positions);
      const picked = own
        ? insert("Gather", [`${at}/all`, constant(`${at}/channels`, intTensor(own))], `${at}/own`, { axis: 1 })
        : `${at}/all`;
      const shape = constant(`${at}/shape`, intTensor([-1, plan.units, positions]));
      insert("Reshape", [picked, shape], at);
      insert("Abs", [at], `${at}/absolute`);
      const reduce = (op: string, input: string, output: string): string =>
        opset >= 18
          ? insert(op, [input, constant(`${at}/axis`, intTensor([2]))], output, { keepdims: 0 })
          : insert(op, [input], output, { keepdims: 0, axes: [2] });
      const entry = {
        change: at,
        largest: reduce("ReduceMax", `${at}/absolute`, `${at}/largest`),
        norm: reduce("ReduceL2", at, `${at}/norm`),
        positions,
      };
      changes.set(tensor.name, entry);
      return entry;
    };
    const frontiers = plan.frontiers.map(({ input, output }) => {
      const { change, positions } = changeOf(input);
      outputs.add(output).add(change);
      return { output, change, positions };
    });
    const carried = plan.carried.map((tensor) => {
      const replaced = twin.get(tensor.name) as string;
      outputs.add(tensor.name);
      if (!fixed.has(tensor.name)) outputs.add(replaced);
      return { tensor: tensor.name, replaced, isFixed: fixed.has(tensor.name) };
    });
    const magnitudes = [...plan.frontiers.map(({ input }) => input), ...plan.carried].map((tensor) => {
      const { largest, norm } = changeOf(tensor);
      outputs.add(largest).add(norm);
      return { largest, norm };
    });
    for (const name of plan.side) outputs.add(name);
    return { frontiers, carried, side: plan.side, magnitudes };
  });
  const twins: Graph = { ...graph, nodes: sortNodes(nodes), constants };
  return { graph: cutTo(twins, [...outputs]), twins, layers };
}

/** The graph that computes fixed replaced tensors once: no inputs, outputs of batch 1. */
export function fixedTwins(twins: Graph, names: readonly string[]): Graph {
  return cutTo(twins, names);
}

/** The replacement at every position: `[1, units, height, width]`, or `[1, units]`. */
function filled(replacement: Float32Array, shape: Shape | undefined): Tensor {
  const size = (shape ?? []).slice(2) as number[];
  const positions = size.reduce((a, b) => a * b, 1);
  const data = new Float32Array(replacement.length * positions);
  replacement.forEach((value, unit) => data.fill(value, unit * positions, (unit + 1) * positions));
  return floatTensor([1, replacement.length, ...size], data);
}

/** Indices of the units' channels (or columns) within a wider tensor; undefined when they are all of it. */
function ownChannels(tensor: ChannelTensor, units: number, positions: number): number[] | undefined {
  if (tensor.channels === units) return undefined;
  const [start, count] = tensor.isFlat ? [tensor.offset * positions, units * positions] : [tensor.offset, units];
  return Array.from({ length: count }, (_, i) => start + i);
}
