/**
 * A convolution with max pooling behind it as lists of where numbers go, for the kernel that takes a unit's contribution
 * off it: each position of the unit's change belongs to some taps of the weights and moves, through each, one place of the
 * convolution's output. The pooling, and a ReLU on either side of it, are part of it.
 */
import type { DifferenceTables, Lists } from "../numeric/difference-kernel.ts";
import { readersOf } from "../onnx/edit.ts";
import { type Graph, intAttribute, intsAttribute, type Node, stringAttribute } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import { positionsOf, standsFirst } from "./channel-tensor.ts";
import type { Frontier } from "./suffix-plan.ts";

/** A frontier, and what follows it at once; places and channels are those of the frontier's own output. */
export interface FrontierTables extends DifferenceTables {
  /** The network's tensor that comes out. */
  readonly output: string;
  /** Its sizes for one image. */
  readonly dims: readonly number[];
}

/**
 * The tables of a frontier; undefined where it is no convolution with max pooling behind it, or an attribute is not known
 * here. Without pooling as much is written as is read, and the runtime's operators are as fast.
 */
export function frontierTables(
  frontier: Frontier,
  { graph, shapes, logits }: { graph: Graph; shapes: ReadonlyMap<string, Shape>; logits: string },
): FrontierTables | undefined {
  const { node, input } = frontier;
  const sizes = (shapes.get(frontier.output) ?? []).slice(1);
  if (node.op !== "Conv" || !standsFirst(input) || !sizes.every((dim) => typeof dim === "number")) return undefined;
  const [channels, ...spatial] = sizes;
  const found = convolution(frontier, spatial, graph);
  const { output, windows, pooled, isCut } = follow(frontier.output, { graph, shapes, spatial });
  if (!found || !windows || !pooled || output === logits) return undefined;
  return {
    output,
    dims: [channels, ...pooled],
    places: spatial.reduce((a, b) => a * b, 1),
    channels,
    ...found,
    windows,
    least: isCut ? 0 : Number.NEGATIVE_INFINITY,
  };
}

/** A window over the positions of a map, as convolutions and pools have them. */
interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

function windowOf(node: Node, kernel: readonly number[]): Window | undefined {
  if (kernel.length !== 2 || stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET") return undefined;
  return {
    kernel,
    strides: intsAttribute(node, "strides", [1, 1]),
    pads: intsAttribute(node, "pads", [0, 0, 0, 0]),
    dilations: intsAttribute(node, "dilations", [1, 1]),
  };
}

/** Tells every (input position, output position, tap) of a window over a map. */
function overWindow(
  { kernel, strides, pads, dilations }: Window,
  [height, width]: readonly number[],
  [rows, columns]: readonly number[],
  tell: (input: number, output: number, tap: number) => void,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
        const y = row * strides[0] - pads[0] + Math.floor(tap / kernel[1]) * dilations[0];
        const x = column * strides[1] - pads[1] + (tap % kernel[1]) * dilations[1];
        if (y >= 0 && y < height && x >= 0 && x < width) tell(y * width + x, row * columns + column, tap);
      }
    }
  }
}

type Moved = Pick<FrontierTables, "moved" | "tapCount">;

function convolution({ node, input }: Frontier, to: readonly number[], graph: Graph): Moved | undefined {
  const from = input.dims.slice(2);
  const kernel = graph.constants.get(node.inputs[1] ?? "")?.dims.slice(2) ?? [];
  const window = windowOf(node, kernel);
  if (!window || from.length !== 2) return undefined;
  const lists: number[][] = Array.from({ length: positionsOf(input) }, () => []);
  overWindow(window, from, to, (position, place, tap) => lists[position].push(place, tap));
  return { moved: joined(lists), tapCount: kernel[0] * kernel[1] };
}

/** ReLU and max pooling behind a tensor, as far as nothing else reads what is between. */
function follow(
  start: string,
  { graph, shapes, spatial }: { graph: Graph; shapes: ReadonlyMap<string, Shape>; spatial: readonly number[] },
): { output: string; isCut: boolean; windows?: Lists; pooled?: readonly number[] } {
  const readers = readersOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  let found: ReturnType<typeof follow> = { output: start, isCut: false };
  for (;;) {
    const [reader, ...others] = readers.get(found.output) ?? [];
    if (!reader || others.length > 0 || outputs.has(found.output) || reader.domain !== "") return found;
    const [output] = reader.outputs;
    if (reader.op === "Relu" && !found.isCut) found = { ...found, output, isCut: true };
    else if (reader.op === "MaxPool" && !found.windows && !reader.outputs[1]) {
      const pooled = (shapes.get(output) ?? []).slice(2);
      const window = windowOf(reader, intsAttribute(reader, "kernel_shape", []));
      if (!window || !pooled.every((dim) => typeof dim === "number") || intAttribute(reader, "storage_order", 0) !== 0)
        return found;
      const lists: number[][] = Array.from({ length: pooled[0] * pooled[1] }, () => []);
      overWindow(window, spatial, pooled, (position, place) => lists[place].push(position));
      if (lists.some((list) => list.length === 0)) return found;
      found = { ...found, output, windows: joined(lists), pooled };
    } else return found;
  }
}

function joined(lists: readonly (readonly number[])[]): Lists {
  const starts = [0];
  for (const list of lists) starts.push(starts[starts.length - 1] + list.length);
  return { starts, entries: lists.flat() };
}
