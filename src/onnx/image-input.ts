/** Which input of a graph takes the images, in what layout, and the graph with that input made regular. */
import { UnitscopeError } from "../errors.ts";
import { readersOf } from "./edit.ts";
import { type Dim, floatTensor, type Graph, type Node, node, type Port } from "./graph.ts";
import { roleOf } from "./operators.ts";

/** The image input of a network. */
export interface ImageInput {
  readonly name: string;
  readonly layout: "nchw" | "nhwc";
  /** 3 for colour, 1 for gray, 4 for colour and opacity. */
  readonly channels: 1 | 3 | 4;
  /** Pixels. */
  readonly height: number;
  readonly width: number;
}

/** Height and width of the images, for networks that take any. */
export type ImageSize = readonly [height: number, width: number];

/** What was found: the input, and how many images the file itself asks for (`null`: any number). */
export interface FoundInput {
  readonly input: ImageInput;
  readonly ownBatch: number | null;
}

/**
 * Finds the image input. Inputs that nothing reads are no inputs.
 * @throws {UnitscopeError} `model`, listing the inputs, if there is none, or more than one, or its size must be given.
 */
export function findImageInput(
  graph: Graph,
  { place, size }: { place: string; size?: ImageSize | undefined },
): FoundInput {
  const readers = readersOf(graph);
  const used = graph.inputs.filter((port) => readers.has(port.name));
  const described = used.map(describePort).join(", ") || "no input";
  const found = used.flatMap((port) => {
    const axes = imageAxes(port, readers, graph);
    return axes ? [{ port, ...axes }] : [];
  });
  const [only, ...others] = found;
  if (!only || others.length > 0 || used.length !== 1) {
    throw new UnitscopeError(
      "model",
      `${place}: expected one image input [N, 3, H, W] or [N, H, W, 3] (1 channel for gray, 4 with opacity), got ${described}`,
    );
  }
  const { port, layout, channels } = only;
  const shape: readonly Dim[] = port.shape ?? [null, null, null, null];
  const own = layout === "nchw" ? shape.slice(2) : shape.slice(1, 3);
  const [height, width] = own.map((dim, i) => (typeof dim === "number" && dim > 0 ? dim : size?.[i]));
  if (height === undefined || width === undefined) {
    throw new UnitscopeError(
      "model",
      `${place}: expected an image input of fixed size, got ${described}; give option "size", or export the model with it`,
      { details: { needs: "size" } },
    );
  }
  const batch = shape[0];
  return {
    input: { name: port.name, layout, channels, height, width },
    ownBatch: typeof batch === "number" && batch > 0 ? batch : null,
  };
}

/** The graph with a float32 image input of the given batch (`"N"` for any), and no inputs that nothing reads. */
export function withImageInput(graph: Graph, { name, layout, channels, height, width }: ImageInput, batch: Dim): Graph {
  const port = graph.inputs.find((each) => each.name === name);
  if (!port) return graph;
  const shape = layout === "nchw" ? [batch, channels, height, width] : [batch, height, width, channels];
  const regular: Graph = { ...graph, inputs: [{ name, type: "float32", shape }] };
  if (port.type === "float32") return regular;
  // Whole numbers: the images arrive as floats and are rounded to what the network reads.
  const [half, rounded, cast] = ["half", "rounded", "cast"].map((part) => `unitscope/image/${part}`) as [
    string,
    string,
    string,
  ];
  const to = { uint8: 2, int8: 3, int32: 6, int64: 7 }[port.type as string] ?? 1;
  return {
    ...regular,
    constants: new Map([...graph.constants, [half, floatTensor([], [0.5])]]),
    nodes: [
      node("Add", [name, half], [rounded]),
      node("Cast", [rounded], [cast], { to }),
      ...graph.nodes.map((each) =>
        each.inputs.includes(name)
          ? { ...each, inputs: each.inputs.map((input) => (input === name ? cast : input)) }
          : each,
      ),
    ],
  };
}

/** A port in words. */
export function describePort(port: Port): string {
  return `"${port.name}" ${port.type} ${port.shape ? `[${port.shape.map((dim) => dim ?? "?").join(", ")}]` : "of unknown shape"}`;
}

function imageAxes(
  port: Port,
  readers: ReadonlyMap<string, readonly Node[]>,
  graph: Graph,
): Pick<ImageInput, "layout" | "channels"> | undefined {
  if (port.shape && port.shape.length !== 4) return undefined;
  const [, first, , last] = port.shape ?? [];
  if (isChannels(first)) return { layout: "nchw", channels: first };
  if (isChannels(last)) return { layout: "nhwc", channels: last };
  if ([first, last].every((dim) => typeof dim === "number")) return undefined;
  return firstConvolution(port.name, readers, graph);
}

/** Layout and channels of an input without sizes, from the convolution that reads it. */
function firstConvolution(
  name: string,
  readers: ReadonlyMap<string, readonly Node[]>,
  graph: Graph,
): Pick<ImageInput, "layout" | "channels"> | undefined {
  let layout: ImageInput["layout"] = "nchw";
  let tensor = name;
  for (let step = 0; step < 16; step++) {
    const [reader] = (readers.get(tensor) ?? []).filter((each) => each.op !== "Shape");
    if (!reader) return undefined;
    if (reader.op === "Conv") {
      const channels = graph.constants.get(reader.inputs[1] ?? "")?.dims[1];
      return isChannels(channels) ? { layout, channels } : undefined;
    }
    if (reader.op === "Transpose") layout = layout === "nchw" ? "nhwc" : "nchw";
    else if (!["elementwise", "arithmetic", "channel", "pad"].includes(roleOf(reader))) return undefined;
    tensor = reader.outputs[0] ?? "";
  }
  return undefined;
}

function isChannels(dim: unknown): dim is 1 | 3 | 4 {
  return dim === 3 || dim === 1 || dim === 4;
}
