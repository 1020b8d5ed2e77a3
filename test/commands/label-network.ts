/** A small network for four labels an image, images of noise with labels, and what the whole network says of them. */
import { join } from "node:path";
import { openReference } from "../../src/ablation/plain-route.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { openSubject, passImages } from "../../src/commands/subject.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { networkOf, normal } from "../ablation/all-pairs.ts";
import { npz } from "../data/npz.ts";
import { folderOf } from "../data/pictures.ts";

/** The labels. */
export const names: readonly string[] = ["cat", "dog", "tree", "boat"];
/** Images, and units of the only layer, "c". */
export const IMAGES = 90;
export const UNITS = 6;

/** Four labels, each with a bias that makes it present on about half of the images. */
function network(last: "Sigmoid" | "Softmax" | "Identity", fc: Tensor, bias: readonly number[]): Uint8Array {
  const nodes = [
    node("Conv", ["input", "w", "b"], ["c"], { pads: [1, 1, 1, 1] }),
    node("Relu", ["c"], ["r"]),
    node("GlobalAveragePool", ["r"], ["g"]),
    node("Flatten", ["g"], ["f"]),
    node("Gemm", ["f", "fc", "bias"], ["z"]),
    node(last, ["z"], ["logits"]),
  ];
  const constants = { w: normal(1, [UNITS, 3, 3, 3], 0.5), b: normal(2, [UNITS], 0.1), fc };
  return writeModel(networkOf(nodes, { ...constants, bias: floatTensor([4], bias) }));
}

/** Where they are. */
export interface LabelFiles {
  /** Of `images.npz`, `labels.txt`, and the same network behind a softmax (`exclusive.onnx`) and nothing (`logits.onnx`). */
  readonly folder: string;
  readonly model: string;
  readonly data: string;
  readonly classes: string;
  /** 1 where an image has a label, `[IMAGES, 4]`. */
  readonly matrix: Int32Array;
}

/** Writes them into new folders. */
export async function labelFiles(): Promise<LabelFiles> {
  const random = seededRandom(5);
  const pixels = Uint8Array.from({ length: IMAGES * 8 * 8 * 3 }, () => random.integer(256));
  const matrix = Int32Array.from({ length: IMAGES * 4 }, (_, at) =>
    Number(random.uniform() < [0.5, 0.4, 0.6, 0.1][at % 4]),
  );
  const fc = normal(3, [UNITS, 4]);
  const files = {
    "images.npz": npz({
      images: { dims: [IMAGES, 8, 8, 3], data: pixels },
      labels: { dims: [IMAGES, 4], data: matrix },
    }),
    "labels.txt": names.join("\n"),
    "first.onnx": network("Sigmoid", fc, [0, 0, 0, 0]),
    "exclusive.onnx": network("Softmax", fc, [0, 0, 0, 0]),
    "logits.onnx": network("Identity", fc, [0, 0, 0, 0]),
  };
  const folder = await folderOf(files);
  // Logits around 0, so that predictions flip.
  const [z] = await plainLogits({ folder, model: join(folder, "first.onnx") }, 0);
  const bias = names.map((_, label) => -z.reduce((sum, row) => sum + row[label], 0) / IMAGES);
  const centred = await folderOf({ "network.onnx": network("Sigmoid", fc, bias) });
  const classes = join(folder, "labels.txt");
  return { folder, model: join(centred, "network.onnx"), data: join(folder, "images.npz"), classes, matrix };
}

/** All logits of every image, the whole network on one image at a time: intact, then without each unit. */
export async function plainLogits(
  { folder, model }: Pick<LabelFiles, "folder" | "model">,
  unitCount: number,
): Promise<Float32Array[][]> {
  const whole = await openModel(model);
  const options = { preprocess: "none", classes: join(folder, "labels.txt"), label: "0" };
  const source = passImages(await openSubject(model, join(folder, "images.npz"), options));
  const block = await source.read(Int32Array.from({ length: IMAGES }, (_, image) => image));
  const [{ tap, units }] = whole.layers;
  const reference = openReference(whole, switchedTensors(whole, [tap]));
  const found: Float32Array[][] = [];
  for (let unit = -1; unit < unitCount; unit++) {
    const removal = unit < 0 ? null : { tap, units: [unit], replacement: new Float32Array(units) };
    const rows: Float32Array[] = [];
    for (let row = 0; row < IMAGES; row++) rows.push((await reference.logits(block, row, removal)).slice());
    found.push(rows);
  }
  await reference.close();
  return found;
}
