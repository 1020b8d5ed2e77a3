/**
 * Deep networks at 224×224 that people really use, as `bench/export_torchvision.py` writes them, and what their sweeps cost
 * with PyTorch's hooks.
 */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { seededRandom } from "../src/numeric/random.ts";
import type { BlockSource } from "../src/passes/image-block.ts";
import { type Model, modelFromBytes } from "../src/runtime/open-model.ts";

/** A layer to sweep. */
export interface DeepRow {
  readonly network: string;
  readonly layer: string;
  /** The module of the PyTorch network whose output a hook changes. */
  readonly module: string;
  readonly images: number;
  /** The cost that the row must stay below, in passes. */
  readonly atMost: number;
}

/** The rows. */
export const deepRows: readonly DeepRow[] = [
  { network: "vgg16", layer: "features.28", module: "features.28", images: 40, atMost: 10 },
  { network: "resnet50", layer: "layer4.2.conv2", module: "layer4.2.conv2", images: 40, atMost: 10 },
  { network: "resnet50", layer: "layer3.5", module: "layer3.5", images: 20, atMost: 200 },
  {
    network: "mobilenet_v2",
    layer: "features.17.conv.1.0",
    module: "features.17.conv.1.0",
    images: 40,
    atMost: 100,
  },
  { network: "convnext_tiny", layer: "features.7.2.block.3", module: "features.7.2.block.3", images: 20, atMost: 400 },
  {
    network: "vit_b_16",
    layer: "encoder.layers.encoder_layer_11.mlp.0",
    module: "encoder.layers.encoder_layer_11.mlp.0",
    images: 20,
    atMost: 400,
  },
];

/** Reads one of the exported networks. */
export async function openDeep(folder: string, network: string): Promise<Model> {
  const path = `${folder}/${network}.onnx`;
  return await modelFromBytes(await readFile(path), { path });
}

/** Standard normal images of ten classes, each the same whatever block it is in. */
export function normalImages(count: number): BlockSource {
  const size = 3 * 224 * 224;
  const labels = Int32Array.from({ length: count }, (_, image) => image % 10);
  return {
    identity: { images: `normal ${count}`, preprocessing: {} },
    imageCount: count,
    labels,
    read: async (images) => {
      const data = new Float32Array(images.length * size);
      for (const [row, image] of images.entries()) {
        const random = seededRandom(image + 1);
        for (let i = row * size; i < (row + 1) * size; i++) data[i] = random.normal();
      }
      return {
        count: images.length,
        images: images.slice(),
        labels: images.map((image) => labels[image]),
        imageDims: [3, 224, 224],
        data,
      };
    },
  };
}

/**
 * Milliseconds of one (unit, image) pair with PyTorch's hooks.
 * @param options.device as PyTorch names it.
 * @param options.python an interpreter with torch and torchvision.
 */
export function hooksMs(
  { network, module, images }: DeepRow,
  { device = "cpu", python = "/usr/bin/python3" }: { device?: string; python?: string } = {},
): number {
  const script = fileURLToPath(new URL("./hooks_pytorch.py", import.meta.url));
  const args = [script, network, module, "--images", String(Math.min(32, images)), "--units", "2", "--device", device];
  const printed = execFileSync(python, args, { encoding: "utf8" });
  return 1000 * (JSON.parse(printed) as { secondsPerPair: number }).secondsPerPair;
}
