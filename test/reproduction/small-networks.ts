/**
 * A study of two real images of every class (CIFAR-10), in files of their own, so that no step reads the other 9,980, and
 * of networks of a few units: one learns the images by heart, so that there is something to remove from it; the others
 * are made from it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTrained } from "../../src/commands/train-model.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { parsePreprocessing } from "../../src/data/parse-preprocessing.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { cifar10Study, type ReproductionNetwork, type Study, type Variant } from "../../src/reproduction/studies.ts";
import { defineNetwork } from "../../src/training/architectures/architectures.ts";
import { type Network, startParameters } from "../../src/training/architectures/network.ts";
import { train } from "../../src/training/train.ts";
import { png } from "../data/pictures.ts";

const shape = { classCount: 10, widths: [4, 6, 6, 8, 8], fullyConnected: [16, 16], dropout: 0 };
const plain = defineNetwork("alexnet", shape);
const variants: Readonly<Record<Variant, Network>> = {
  plain,
  "batch norm": defineNetwork("alexnet", { ...shape, batchNorm: true }),
  "channel dropout": defineNetwork("alexnet", { ...shape, channelDropout: { conv5: 0.5 } }),
  "random convolutions": plain,
  "ResNet-18": defineNetwork("resnet18", { classCount: 10, widths: [4] }),
};

/** Writes `images/`, and in `models/` one network of each name, for the classes and the preprocessing of CIFAR-10. */
export async function writeSmallStudy(folder: string, networks: readonly ReproductionNetwork[]): Promise<Study> {
  const trainSet = await openImageSet("cifar10:test", { limit: 2 });
  for (const [image, label] of trainSet.labels.entries()) {
    const place = join(folder, "images", trainSet.classNames[label]);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, `${image}.png`), await png(await trainSet.read(image)));
  }
  const preprocessing = await parsePreprocessing("cifar10");
  const augmentation = { flip: false, shift: 0, cutout: 0 };
  const recipe = { epochs: 100, batchSize: 20, learningRate: 0.01, threads: 1, preprocessing, augmentation };
  const trained = await train(plain, trainSet, undefined, recipe);
  for (const { name, variant, seed } of networks) {
    const network = variants[variant];
    writeTrained(join(folder, "models", `${name}.onnx`), network, {
      parameters: disturbed(network, trained.parameters, seed),
      log: trained.log,
      provenance: { command: "test", seed, accuracy: null, trainSet, testSet: undefined, preprocessing },
      options: { ...recipe, seed },
    });
  }
  return { ...cifar10Study, testImages: join(folder, "images") };
}

/** The trained values where a network has such, else its first ones; each moved a little, other for every seed. */
function disturbed(
  network: Network,
  trained: ReadonlyMap<string, Float32Array>,
  seed: number,
): Map<string, Float32Array> {
  const random = seededRandom(seed, 1);
  const start = startParameters(network, seed);
  return new Map(
    [...start].map(([name, first]) => {
      const values = trained.get(name);
      const from = values?.length === first.length ? values : first;
      return [name, from.map((value) => value * (1 + 0.1 * random.normal()) + 0.01 * random.normal())];
    }),
  );
}
