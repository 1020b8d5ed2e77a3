/** Every unit of every layer on every image, by two routes, and networks that are written down in a few lines. */
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { allRoutes, openBlockSweep, type SweepOptions } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, type Graph, type Node, type Tensor } from "../../src/onnx/graph.ts";
import type { Layer } from "../../src/onnx/layers.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes, type OpenOptions } from "../../src/runtime/open-model.ts";
import { blockOf } from "../passes/images-in-memory.ts";

export const SIDE = 8;
export const CLASSES = 5;

/** Normal numbers, fixed by the seed. */
export function normal(seed: number, dims: readonly number[], scale: number = 1): Tensor {
  const random = seededRandom(seed);
  const size = dims.reduce((a, b) => a * b, 1);
  return floatTensor(
    dims,
    Float32Array.from({ length: size }, () => scale * random.normal()),
  );
}

/** A network from `input` [N, 3, 8, 8] to `logits`. */
export function networkOf(
  nodes: readonly Node[],
  constants: Readonly<Record<string, Tensor>>,
  change: Partial<Graph> = {},
): Graph {
  return {
    name: "network",
    opsets: new Map([["", 17]]),
    metadata: new Map(),
    inputs: [{ name: "input", type: "float32", shape: ["N", 3, SIDE, SIDE] }],
    outputs: [{ name: "logits", type: "float32", shape: null }],
    nodes,
    constants: new Map(Object.entries(constants)),
    ...change,
  };
}

/** Opens a graph as a user opens a file. */
export function open(graph: Graph, options: OpenOptions = {}): Promise<Model> {
  return modelFromBytes(writeModel(graph), { path: "network.onnx", ...options });
}

/** Flips of all layers as text, one line a layer, and how many pairs each route settled. */
export async function sweepAll(
  model: Model,
  engine: "auto" | "plain",
  { images = 16, layers = model.layers, seed = 3 }: { images?: number; layers?: readonly Layer[]; seed?: number } = {},
): Promise<string[]> {
  const planned = layers.map((layer) => ({
    plan: planSuffix(model, layer.tap),
    replacement: new Float32Array(layer.units),
  }));
  const options: SweepOptions = {
    engine,
    routes: allRoutes,
    continuous: false,
    verify: 0,
    seed: 1,
    threads: 1,
    provider: "cpu",
  };
  const sweep = await openBlockSweep(model, planned, {
    switched: switchedTensors(
      model,
      planned.map(({ plan }) => plan.tap),
    ),
    bounds: await Promise.all(planned.map(({ plan }) => boundSuffix(model, plan))),
    options,
  });
  const { channels, height, width, layout } = model.input;
  const imageDims = layout === "nchw" ? [channels, height, width] : [height, width, channels];
  const data = normal(seed, [images, ...imageDims]).data as Float32Array;
  const swept = await sweep.sweep(blockOf(data, imageDims));
  await sweep.close();
  return swept.layers.map(({ unit, image, prediction }, i) => {
    const flips = Array.from(unit, (u, at) => `${u}/${image[at]}→${prediction[at]}`).join(" ");
    return `${layers[i]?.name}: ${flips}`;
  });
}
