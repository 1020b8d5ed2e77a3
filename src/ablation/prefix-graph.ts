/**
 * The graph that runs once over the images: from the pixels to everything that the suffixes of all requested layers
 * start from, and to the baseline logits.
 *
 * For every layer the operators between the response and its frontiers run twice: on the response, and on the constant
 * that replaces it. A unit's change at a frontier is the difference of the two, channel by channel.
 */
import { cutTo } from "../onnx/edit.ts";
import { floatTensor, type Graph, intTensor, type Node, node, type Port, type Tensor } from "../onnx/graph.ts";
import type { RowFact } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";
import { sortNodes } from "../onnx/sort.ts";
import { type ChannelTensor, positionsOf, standsFirst } from "./channel-tensor.ts";
import { fedInput } from "./fed-responses.ts";
import { maskShape } from "./plain-graph.ts";
import { type GraphParts, rowForm, toRows } from "./row-form.ts";
import type { SuffixPlan, UnitPlace } from "./suffix-plan.ts";

/** Where a suffix finds its tensors among the prefix's outputs. Names are the prefix's output names. */
export interface LayerPorts {
  /** Per frontier: its baseline output and the change of its input, `[N, units, positions]`. */
  readonly frontiers: readonly { readonly output: string; readonly change: string; readonly positions: number }[];
  /** Per carried tensor: itself, and itself with every unit replaced (of batch 1 where `isFixed`). */
  readonly carried: readonly { readonly tensor: string; readonly replaced: string; readonly isFixed: boolean }[];
  readonly side: readonly string[];
  /** Per frontier, then per carried tensor: largest absolute change and, where they are asked for, Euclidean norm of the change, `[N, units]`. */
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
  /** Whether responses are fed in their place, a row for every image; see `fed-responses.ts`. */
  readonly isFed?: boolean | undefined;
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
    rows,
    observed = [],
    norms = true,
  }: {
    logits: string;
    shapes: ReadonlyMap<string, Shape>;
    rows: ReadonlyMap<string, RowFact>;
    observed?: readonly string[];
    /** Whether the norms of changes are fetched. */
    norms?: boolean;
  },
): Prefix {
  const nodes: Node[] = [...graph.nodes];
  const constants = new Map(graph.constants);
  const outputs = new Set<string>([logits, ...observed]);
  const opset = graph.opsets.get("") ?? 0;
  const fedPorts: Port[] = [];
  const layers = planned.map(({ plan, replacement, isFed = false }, index): LayerPorts => {
    const scope = `unitscope/${index}`;
    const insert = (op: string, inputs: string[], name: string, attributes = {}): string => {
      nodes.push(node(op, inputs, [name], attributes));
      return name;
    };
    const constant = (name: string, tensor: Tensor): string => {
      constants.set(name, tensor);
      return name;
    };
    const parts = { nodes, constants };
    const rowsOfTensor = (name: string): string => toRows(name, rowForm(name, rows, shapes), parts);
    if (plan.whole !== null) {
      constant(`${scope}/replacement`, perUnit(replacement, plan));
      const tap = { tensor: plan.tap, replaced: `${scope}/replacement`, isFixed: true };
      return { frontiers: [], carried: [tap], side: [...plan.side], magnitudes: [] };
    }
    const start = [...plan.frontiers.map(({ input }) => input), ...plan.carried].find(({ name }) => name === plan.tap);
    const tapShape = shapes.get(plan.tap);
    // A response whose images stand elsewhere meets its frontier at once: its twin is broadcast.
    const isElsewhere = start !== undefined && !standsFirst(start);
    const constantTwin = isElsewhere ? perUnit(replacement, plan) : filled(replacement, plan, tapShape);
    const replaced = `${scope}/replacement`;
    if (isFed) {
      fedPorts.push({ name: fedInput(plan.tap), type: "float32", shape: ["N", ...(tapShape ?? []).slice(1)] });
      insert("Identity", [fedInput(plan.tap)], replaced);
    } else constant(replaced, constantTwin);
    const twin = new Map([[plan.tap, replaced]]);
    const fixed = new Set(isFed ? [] : [plan.tap]);
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
      const positions = positionsOf(tensor);
      insert("Sub", [tensor.name, twin.get(tensor.name) as string], `${at}/all`);
      const own = ownChannels(tensor, plan.units);
      const picked = own
        ? insert("Gather", [`${at}/all`, constant(`${at}/channels`, intTensor(own))], `${at}/own`, {
            axis: tensor.axis,
          })
        : `${at}/all`;
      const shape = constant(`${at}/shape`, intTensor([-1, plan.units, positions]));
      insert("Reshape", [byUnit(picked, tensor, plan.units, at, parts), shape], at);
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
      const port = rowsOfTensor(output);
      outputs.add(port).add(change);
      return { output: port, change, positions };
    });
    const carried = plan.carried.map((tensor) => {
      const replaced = twin.get(tensor.name) as string;
      const port = rowsOfTensor(tensor.name);
      outputs.add(port);
      if (!fixed.has(tensor.name)) outputs.add(replaced);
      return { tensor: port, replaced, isFixed: fixed.has(tensor.name) };
    });
    const magnitudes = [...plan.frontiers.map(({ input }) => input), ...plan.carried].map((tensor) => {
      const { largest, norm } = changeOf(tensor);
      outputs.add(largest);
      if (norms) outputs.add(norm);
      return { largest, norm };
    });
    const side = plan.side.map(rowsOfTensor);
    for (const name of side) outputs.add(name);
    return { frontiers, carried, side, magnitudes };
  });
  const twins: Graph = { ...graph, inputs: [...graph.inputs, ...fedPorts], nodes: sortNodes(nodes), constants };
  return { graph: cutTo(twins, [...outputs]), twins, layers };
}

/** The graph that computes fixed replaced tensors once: no inputs, outputs of batch 1. */
export function fixedTwins(twins: Graph, names: readonly string[]): Graph {
  return cutTo(twins, names);
}

/** The replacement at every position of one image. */
function filled(replacement: Float32Array, place: UnitPlace, shape: Shape | undefined): Tensor {
  const dims = (shape ?? []).map((dim, axis) => (axis === 0 ? 1 : Number(dim)));
  const { data: values } = perUnit(replacement, place);
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  const behind = dims.slice(place.axis + 1).reduce((a, b) => a * b, 1);
  for (let at = 0; at < data.length; at += behind) {
    data.fill(Number(values[(at / behind) % values.length]), at, at + behind);
  }
  return floatTensor(dims, data);
}

/** The replacement along the units' axis, every other axis of length 1. */
export function perUnit(replacement: Float32Array, { rank, axis, unitSize }: UnitPlace): Tensor {
  const data = Float32Array.from(
    { length: replacement.length * unitSize },
    (_, i) => replacement[Math.floor(i / unitSize)],
  );
  return floatTensor(maskShape({ units: replacement.length, rank, axis, unitSize }), data);
}

/** Entries of the units within a wider axis; undefined when they are all of it. */
function ownChannels({ channels, offset, run }: ChannelTensor, units: number): number[] | undefined {
  if (channels === units) return undefined;
  return Array.from({ length: units * run }, (_, i) => offset * run + i);
}

/** The tensor with images first and units second, whatever else follows; itself where it is so already. */
function byUnit(
  name: string,
  tensor: ChannelTensor,
  units: number,
  at: string,
  { nodes, constants }: GraphParts,
): string {
  const { axis, run, dims, rows } = tensor;
  if (standsFirst(tensor) && dims.slice(1, axis).every((dim) => dim === 1)) return name;
  // The images' axis as (outer, N, inner), the units' as (unit, run); then N and unit go first.
  const split: number[] = [];
  const rest: number[] = [];
  let [images, unit] = [0, 0];
  dims.forEach((dim, i) => {
    if (i === rows.axis) {
      rest.push(split.length);
      images = split.length + 1;
      rest.push(split.length + 2);
      split.push(rows.outer, -1, rows.inner);
    } else if (i === axis) {
      unit = split.length;
      rest.push(split.length + 1);
      split.push(units, run);
    } else {
      rest.push(split.length);
      split.push(dim);
    }
  });
  constants.set(`${at}/split`, intTensor(split));
  nodes.push(
    node("Reshape", [name, `${at}/split`], [`${at}/parts`]),
    node("Transpose", [`${at}/parts`], [`${at}/turned`], { perm: [images, unit, ...rest] }),
  );
  return `${at}/turned`;
}
