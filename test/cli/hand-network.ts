/** A network that can be solved by hand, and images for it. `known-answers.test.ts` has the solution. */
import sharp from "sharp";
import { float, floatTensor, type Graph, type Node, node } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { folderOf } from "../data/pictures.ts";

/**
 * Four units over red, green and blue (each 0 to 1), as 1×1 convolution, batch norm with β = (0, 0, 0.5, 0), ReLU:
 * a0 = R, a1 = G, a2 = B + 0.5, a3 = R − G or 0. Averaged over the image, then
 * z0 = a0 + a3, z1 = a1, z2 = a2 for the classes crimson, green and navy.
 */
export function handNetwork(change: (graph: Graph) => Graph = (graph) => graph): Uint8Array {
  const nodes: Node[] = [
    node("Conv", ["input", "mix.weight"], ["mixed"], { kernel_shape: [1, 1] }),
    node("BatchNormalization", ["mixed", "scale", "shift", "mean", "variance"], ["normed"], { epsilon: float(0) }),
    node("Relu", ["normed"], ["units"]),
    node("GlobalAveragePool", ["units"], ["averaged"]),
    node("Flatten", ["averaged"], ["flat"], { axis: 1 }),
    node("Gemm", ["flat", "read.weight"], ["logits"], { transB: 1 }),
  ];
  const graph: Graph = {
    name: "hand",
    inputs: [{ name: "input", type: "float32", shape: ["N", 3, 2, 2] }],
    outputs: [{ name: "logits", type: "float32", shape: ["N", 3] }],
    nodes,
    constants: new Map([
      ["mix.weight", floatTensor([4, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, -1, 0])],
      ["scale", floatTensor([4], [1, 1, 1, 1])],
      ["shift", floatTensor([4], [0, 0, 0.5, 0])],
      ["mean", floatTensor([4], [0, 0, 0, 0])],
      ["variance", floatTensor([4], [1, 1, 1, 1])],
      ["read.weight", floatTensor([3, 4], [1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0])],
    ]),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
  };
  return writeModel(change(graph));
}

/** Colours in fifths of full brightness, in the order in which a folder is read: three images of each class. */
export const handColours: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
  crimson: [
    [5, 0, 0],
    [3, 2, 0],
    [1, 3, 0],
  ],
  green: [
    [0, 5, 0],
    [2, 4, 0],
    [4, 2, 0],
  ],
  navy: [
    [0, 0, 5],
    [3, 0, 1],
    [1, 1, 0],
  ],
};

/** A folder with `network.onnx` and the images in `images/<class>/<n>.png`, each 2×2 pixels of one colour. */
export async function handFolder(change?: (graph: Graph) => Graph): Promise<string> {
  const files: Record<string, Uint8Array> = { "network.onnx": handNetwork(change) };
  for (const [name, colours] of Object.entries(handColours)) {
    for (const [at, fifths] of colours.entries()) files[`images/${name}/${at}.png`] = await onePng(fifths);
  }
  return folderOf(files);
}

function onePng([red, green, blue]: readonly [number, number, number]): Promise<Buffer> {
  const background = { r: 51 * red, g: 51 * green, b: 51 * blue };
  return sharp({ create: { width: 2, height: 2, channels: 3, background } })
    .png()
    .toBuffer();
}
