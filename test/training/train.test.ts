/** The loop in its worker thread (compiled code: run `npm run build` first), on a task that a tiny network can learn. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { alexNet } from "../../src/training/architectures/alexnet.ts";
import { startParameters, withParameters } from "../../src/training/architectures/network.ts";
import { readCheckpoint } from "../../src/training/checkpoint.ts";
import { train } from "../../src/training/train.ts";
import type { TrainOptions } from "../../src/training/train-options.ts";

/** Two classes: bright on the left, bright on the right; noise on top. */
function stripes(name: string, count: number, seed: number) {
  const random = seededRandom(seed);
  const labels = Int32Array.from({ length: count }, (_, image) => image % 2);
  const data = new Uint8Array(count * 3 * 1024);
  for (let i = 0; i < data.length; i++) {
    const left = i % 32 < 16;
    const bright = left === (labels[Math.floor(i / 3072)] === 0);
    data[i] = (bright ? 150 : 60) + random.integer(50);
  }
  return pixelSet({
    name,
    pixels: { data, channels: 3, height: 32, width: 32 },
    labels,
    classNames: ["left", "right"],
  });
}

const trainSet = stripes("stripes:train", 96, 1);
const testSet = stripes("stripes:test", 50, 2);
const network = alexNet({ classCount: 2, widths: [16, 16, 16, 16, 16], fullyConnected: [16, 16], dropout: 0.2 });
const normed = alexNet({ classCount: 2, widths: [16, 16, 16, 16, 16], fullyConnected: [16, 16], batchNorm: true });
const options: Partial<TrainOptions> = {
  epochs: 4,
  batchSize: 16,
  learningRate: 0.05,
  threads: 1,
  augmentation: { flip: false, shift: 2, cutout: 0 },
  preprocessing: { ...noPreprocessing, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "unitscope-train-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a network learns, and its file answers as the training's own test did", async () => {
  const seen: number[] = [];
  const { log, parameters } = await train(normed, trainSet, testSet, options, {
    progress: ({ imagesDone, imagesInAll, finished }) => {
      if (!finished) seen.push(imagesDone / imagesInAll);
    },
  });
  expect(log.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  expect(seen.length).toBe(24);
  expect(seen.at(-1)).toBe(1);
  const last = log.at(-1);
  expect(last?.testAccuracy).toBeGreaterThan(0.9);
  expect(last?.loss).toBeLessThan(log[0]?.loss);

  const session = await openSession(withParameters(normed, parameters));
  const mean = Float32Array.from(testSet.pixels?.data ?? [], (value) => (value / 255 - 0.5) / 0.25);
  const { logits } = await session.run({ input: floatValue([50, 3, 32, 32], mean) });
  const data = logits?.data as Float32Array;
  let right = 0;
  for (let i = 0; i < 50; i++) {
    const predicted = data[2 * i + 1] > data[2 * i] ? 1 : 0;
    if (predicted === testSet.labels[i]) right++;
  }
  expect(right / 50).toBe(last?.testAccuracy);
});

test("without epochs a network is as its seed makes it, and is tested", async () => {
  const { log, parameters, testAccuracy } = await train(network, trainSet, testSet, { ...options, epochs: 0 });
  expect(log).toEqual([]);
  expect(parameters).toEqual(startParameters(network, 1));
  expect(testAccuracy).toBeGreaterThan(0);
});

test("layers that are not named keep their first weights, and the named ones learn", async () => {
  const trainOnly = ["fc6", "fc7", "fc8"];
  const { log, parameters } = await train(normed, trainSet, testSet, { ...options, trainOnly });
  const first = startParameters(normed, 1);
  for (const [name, values] of parameters) {
    // The running statistics of a batch normalisation follow the data: without them the trained head would not fit.
    const moves = name.startsWith("fc") || name.includes("running");
    if (moves) expect(values, name).not.toEqual(first.get(name));
    else expect(values, name).toEqual(first.get(name));
  }
  expect(log.at(-1)?.loss).toBeLessThan(log[0]?.loss);
});

describe("the same seed", () => {
  test("gives the same weights, another seed others, a resumed training the same", async () => {
    const whole = await train(network, trainSet, testSet, options);
    const again = await train(network, trainSet, undefined, options);
    expect(again.parameters).toEqual(whole.parameters);
    const other = await train(network, trainSet, undefined, { ...options, seed: 2 });
    expect(other.parameters).not.toEqual(whole.parameters);

    const checkpoint = join(folder, "resumed.checkpoint");
    const abort = new AbortController();
    const stopped = train(network, trainSet, testSet, options, {
      checkpoint,
      signal: abort.signal,
      progress: ({ epoch, images }) => {
        if (epoch === 3 && images === 32) abort.abort();
      },
    });
    await expect(stopped).rejects.toThrow(
      'training: expected to finish 4 epochs, got interrupted in epoch 3; the checkpoint of epoch 2 is kept, continue with option "resume"',
    );
    expect((await readCheckpoint(checkpoint)).epochsDone).toBe(2);
    const resumed = await train(network, trainSet, testSet, options, { checkpoint, resume: true });
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.log.map(({ loss, testAccuracy }) => [loss, testAccuracy])).toEqual(
      whole.log.map(({ loss, testAccuracy }) => [loss, testAccuracy]),
    );
  });

  test("of another recipe is not resumed", async () => {
    const checkpoint = join(folder, "recipe.checkpoint");
    await train(network, trainSet, undefined, { ...options, epochs: 1 }, { checkpoint });
    const other = train(network, trainSet, undefined, { ...options, epochs: 2 }, { checkpoint, resume: true });
    await expect(other).rejects.toThrow("expected the same training, got another epochs: 1, not 2");
  });

  test("with a damaged checkpoint is refused", async () => {
    const checkpoint = join(folder, "damaged.checkpoint");
    await train(network, trainSet, undefined, { ...options, epochs: 1 }, { checkpoint });
    const bytes = await readFile(checkpoint);
    await writeFile(checkpoint, bytes.subarray(0, bytes.length - 100));
    await expect(train(network, trainSet, undefined, options, { checkpoint, resume: true })).rejects.toThrow(
      "expected a whole checkpoint of this version",
    );
    await writeFile(checkpoint, "{}\n");
    await expect(readCheckpoint(checkpoint)).rejects.toThrow('format "undefined"');
  });
});

test("a loss that is not a number stops with the step", async () => {
  const wild = train(network, trainSet, undefined, { ...options, learningRate: 1e6 });
  await expect(wild).rejects.toThrow(
    /^step \d+ of epoch \d+: expected a finite loss, got (NaN|Infinity|-Infinity); try a/,
  );
});

test.each([
  ["batch: expected 2..96 images, got 97", { batchSize: 97 }],
  ["epochs: expected a whole number from 0, got -1", { epochs: -1 }],
  [
    'train only: expected layers with weights (conv1, conv2, conv3, conv4, conv5, fc6, fc7, fc8), got "fc9"',
    { trainOnly: ["fc8", "fc9"] },
  ],
] as const)("%s", async (message, given) => {
  await expect(train(network, trainSet, undefined, { ...options, ...given })).rejects.toThrow(message);
});

test("a network of another class count is refused", async () => {
  await expect(train(alexNet({ classCount: 3 }), trainSet, undefined, options)).rejects.toThrow(
    'data "stripes:train": expected 3 classes, got 2',
  );
});
