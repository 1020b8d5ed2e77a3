/**
 * What a sweep costs, in baseline passes: the time of one plain forward pass of the whole network over the same images,
 * same engine, same workers, same run. Everything is counted: bounds, opening sessions, prefix, packing, rechecks.
 * The limit is the changed arithmetic alone: multiplications of the pairs that no route could skip, and one pass.
 *
 *   npm run bench:sweep -- [--only TEXT] [--images N] [--resnet20 FILE.onnx] [--plain] [--counts-only] [--deep FOLDER [--hooks]]
 *
 * `--deep`: the networks that `/usr/bin/python3 bench/export_torchvision.py FOLDER` wrote; `--hooks`: and how many times
 * faster than PyTorch's hooks. Peak memory is the process's, so run one row at a time for it (`--only`).
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { runSweep, type Sweep } from "../src/ablation/sweep.ts";
import { openImageSet } from "../src/data/open-image-set.ts";
import { preprocessingFromJson } from "../src/data/parse-preprocessing.ts";
import { seededRandom } from "../src/numeric/random.ts";
import { writeModel } from "../src/onnx/model-file.ts";
import { pickLayers } from "../src/onnx/pick-layers.ts";
import { type BlockSource, blockSource } from "../src/passes/image-block.ts";
import { type Model, modelFromBytes } from "../src/runtime/open-model.ts";
import { defineNetwork } from "../src/training/architectures/architectures.ts";
import { startParameters, withParameters } from "../src/training/architectures/network.ts";
import { changedArithmetic } from "./arithmetic.ts";
import { type DeepRow, deepRows, hooksMs, normalImages, openDeep } from "./deep.ts";

interface Subject {
  readonly name: string;
  readonly model: Model;
  readonly images: BlockSource;
}

interface Row {
  readonly subject: () => Promise<Subject | undefined>;
  readonly layers: readonly string[];
  /** The cost that the row must stay below, in passes. */
  readonly atMost: number;
  readonly deep?: DeepRow;
}

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    images: { type: "string", default: "10000" },
    "large-images": { type: "string", default: "512" },
    resnet20: { type: "string" },
    plain: { type: "boolean", default: false },
    "counts-only": { type: "boolean", default: false },
    deep: { type: "string" },
    hooks: { type: "boolean", default: false },
  },
});

const cached = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};
const alexNet = cached(() => fromFile("AlexNet (shipped)", "models/alexnet-cifar10.onnx"));
const resNet20 = cached(async () =>
  options.resnet20
    ? fromFile("ResNet-20", options.resnet20, '{"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}')
    : undefined,
);
const alexNet224 = cached(() => atRandom("AlexNet 224×224, 365 classes, random weights", "alexnet"));
const resNet224 = cached(() => atRandom("ResNet-18 224×224, 365 classes, random weights", "resnet18"));

const rows: Row[] = [
  { subject: alexNet, layers: ["conv5"], atMost: 2.5 },
  { subject: alexNet, layers: ["conv4"], atMost: 9 },
  { subject: alexNet, layers: ["conv3"], atMost: Number.POSITIVE_INFINITY },
  { subject: alexNet, layers: ["conv1", "conv2", "conv3", "conv4", "conv5"], atMost: 100 },
  { subject: resNet20, layers: ["layer3.2"], atMost: 1.3 },
  { subject: resNet20, layers: ["layer3.0"], atMost: 14 },
  { subject: resNet20, layers: ["layer2.1.conv1"], atMost: 17 },
  { subject: alexNet224, layers: ["conv5"], atMost: 10 },
  { subject: resNet224, layers: ["layer4.1"], atMost: 1.2 },
  ...deepRows.map(
    (deep): Row => ({
      subject: async () => {
        if (options.deep === undefined) return undefined;
        const model = await openDeep(options.deep, deep.network);
        return { name: deep.network, model, images: normalImages(deep.images) };
      },
      layers: [deep.layer],
      atMost: deep.atMost,
      deep,
    }),
  ),
];

console.log(
  "network, layers | plain | passes | at most | prepare, open, sweep (s) | pass (s) | settled by route | peak memory",
);
for (const row of rows) {
  if (options.only && row.deep && !`${row.deep.network}: ${row.deep.layer}`.includes(options.only)) continue;
  const subject = await row.subject();
  if (!subject) continue;
  const title = `${subject.name}: ${row.layers.join(",")}`;
  if (options.only && !title.includes(options.only)) continue;
  await baselinePass(subject); // warms the runtime and the disk cache
  const before = await baselinePass(subject);
  const layers = pickLayers(subject.model.layers, row.layers);
  const began = performance.now();
  const sweep = await runSweep(subject.model, {
    images: subject.images,
    layers,
    options: { continuous: !options["counts-only"] },
  });
  const totalMs = performance.now() - began;
  const passMs = (before + (await baselinePass(subject))) / 2;
  const units = layers.reduce((sum, layer) => sum + layer.units, 0);
  const { prepareMs, openMs, sweepMs } = sweep.timings;
  const limit = changedArithmetic(subject.model, sweep);
  console.log(
    [
      title,
      units,
      (totalMs / passMs).toFixed(2),
      row.atMost,
      `${limit.toFixed(2)} (ratio ${(totalMs / passMs / limit).toFixed(2)})`,
      [prepareMs, openMs, sweepMs].map(seconds).join(", "),
      seconds(passMs),
      shares(sweep),
      `${(process.resourceUsage().maxRSS / 1e6).toFixed(2)} GB`,
    ].join(" | "),
  );
  if (options.hooks && row.deep) {
    const pairMs = totalMs / (units * row.deep.images);
    const hooks = hooksMs(row.deep);
    console.log(
      `  PyTorch's hooks: ${hooks.toFixed(1)} ms a unit and image; ${(hooks / pairMs).toFixed(1)} times as long`,
    );
  }
  if (options.plain) {
    const plainBegan = performance.now();
    const plain = await runSweep(subject.model, {
      images: subject.images,
      layers,
      options: { engine: "plain" },
    });
    const plainMs = performance.now() - plainBegan;
    const same = JSON.stringify(flips(plain)) === JSON.stringify(flips(sweep));
    console.log(`  plain: ${(plainMs / passMs).toFixed(1)} passes; flips ${same ? "identical" : "DIFFERENT"}`);
  }
}

/** Milliseconds of a plain forward pass over all images, sessions already open. */
async function baselinePass({ model, images }: Subject): Promise<number> {
  const { timings } = await runSweep(model, { images, layers: [] });
  return timings.sweepMs;
}

function flips(sweep: Sweep): unknown {
  return sweep.layers
    .map((_, at) => sweep.layer(at))
    .map(({ flips: { unit, image, prediction } }) => [[...unit], [...image], [...prediction]]);
}

function shares(sweep: Sweep): string {
  return sweep.layers
    .map((_, at) => sweep.layer(at))
    .map(({ layer, settled }) => {
      const total = Object.values(settled).reduce((a, b) => a + b, 0);
      const parts = Object.entries(settled).map(([route, pairs]) => `${route} ${((100 * pairs) / total).toFixed(2)} %`);
      return `${layer.name}: ${parts.join(", ")}`;
    })
    .join("; ");
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

async function fromFile(name: string, path: string, preprocessing?: string): Promise<Subject | undefined> {
  if (!existsSync(path)) {
    console.log(`${name}: skipped, no ${path}`);
    return undefined;
  }
  const bytes = await readFile(path);
  const model = await modelFromBytes(bytes, { path });
  const text = preprocessing ?? model.metadata.get("unitscope.preprocessing") ?? "{}";
  const limit = Math.ceil(Number(options.images) / model.classCount);
  const set = await openImageSet("cifar10:test", { limit });
  const rules = preprocessingFromJson(text, path);
  return { name, model, images: blockSource(set, rules) };
}

/** A network with its starting weights over standard normal images: nothing for a certificate to hold on to. */
async function atRandom(name: string, architecture: "alexnet" | "resnet18"): Promise<Subject> {
  const network = defineNetwork(architecture, { classCount: 365, imageSize: 224 });
  const bytes = writeModel(withParameters(network, startParameters(network, 1)));
  const model = await modelFromBytes(bytes, { path: `${architecture}-224.onnx` });
  const imageCount = Number(options["large-images"]);
  const size = 3 * 224 * 224;
  const labels = Int32Array.from({ length: imageCount }, (_, image) => image % 365);
  const images: BlockSource = {
    identity: { images: "random", preprocessing: {} },
    imageCount,
    labels,
    read: async (chosen) => {
      const random = seededRandom(chosen[0] + 1);
      const data = new Float32Array(chosen.length * size);
      for (let i = 0; i < data.length; i++) data[i] = 3.4641 * (random.uniform() - 0.5);
      const own = chosen.map((image) => labels[image]);
      return { count: chosen.length, images: chosen.slice(), labels: own, imageDims: [3, 224, 224], data };
    },
  };
  return { name, model, images };
}
