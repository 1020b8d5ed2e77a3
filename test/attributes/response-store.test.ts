import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { openResponseStore, type ResponseStore } from "../../src/commands/response-store.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import type { Observed } from "../../src/responses/observed.ts";
import { createObserver } from "../../src/responses/observer.ts";
import { planResponses } from "../../src/responses/response-pass.ts";
import type { Model } from "../../src/runtime/open-model.ts";
import { CLASSES, randomNetwork } from "../ablation/random-network.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { sourceOf } from "../passes/images-in-memory.ts";

const images = 600; // three blocks
const layers = [
  { name: "a", tap: "a/out", units: 3, height: 2, width: 2 },
  { name: "b", tap: "b/out", units: 2, height: 1, width: 1 },
];
const { model } = await randomNetwork({ seed: 1, blocks: ["plain"], head: "average" });
const source = sourceOf(new Float32Array(images), [1], new Int32Array(images));

/** Opens the store of a run; what is not said is always the same. */
function open({
  sha256 = "m",
  hash = "d",
  preprocessing = {},
  own = layers,
  topImages = 4,
}: {
  sha256?: string;
  hash?: string;
  preprocessing?: Record<string, number>;
  own?: typeof layers;
  topImages?: number;
} = {}): ResponseStore {
  const of: Model = { ...model, sha256 };
  const plan = planResponses(of, { ...source, identity: { images: hash, preprocessing } }, own, { topImages });
  return openResponseStore(path, { plan });
}

/** What is observed of a stretch of images, always the same. */
function observed(start: number, end: number): Observed {
  const observer = createObserver({ layers, classCount: CLASSES, imageCount: images, topImages: 4 });
  const values = (length: number, seed: number): Float32Array => {
    const random = seededRandom(seed);
    const all = Float32Array.from({ length: length * images }, () => Math.max(0, random.normal()));
    return all.slice(start * length, end * length);
  };
  observer.observe({
    images: Int32Array.from({ length: end - start }, (_, row) => start + row),
    probabilities: values(CLASSES, 9),
    responses: layers.map(({ units, height, width }, at) => values(units * height * width, at)),
  });
  return observer.take();
}

function put(store: ResponseStore, ...blocks: number[]): void {
  for (const block of blocks) store.blocks.put(block, observed(block * 256, Math.min(images, (block + 1) * 256)));
}

let path: string;
beforeEach(async () => {
  path = await temporaryFolder();
});

describe("response store", () => {
  test("gives back what the blocks hold, in any order, opened again in between", () => {
    const whole = observed(0, images);
    put(open(), 2, 0);
    expect(open().isWhole()).toBe(false);
    put(open(), 1);
    const store = open();
    expect(store.isWhole()).toBe(true);
    expect(store.probabilities()).toEqual(whole.shared.probabilities);
    const summary = store.summary(0);
    expect(summary.images.length).toBe(images);
    expect(summary.top).toEqual(whole.layers[0]?.top);
    expect(store.summary(1).maximum).toEqual(whole.layers[1]?.maximum);
    const pooled = store.pooled(0, "max", 1, 3);
    for (let image = 0; image < images; image++) {
      expect(pooled[images + image]).toBe(whole.layers[0]?.pooledMax[image * 3 + 2]);
    }
    expect(store.pooled(1, "mean", 0, 1)[7]).toBe(whole.layers[1]?.pooledMean[14]);
  });

  test("refuses to sum up less than all images", () => {
    put(open(), 0, 2);
    expect(() => open().summary(0)).toThrow("block 1: expected a finished part, got none");
  });

  test("a damaged piece is observed again", () => {
    const store = open();
    put(store, 0, 1, 2);
    const folder = join(path, "pieces");
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name, "block-000001.piece"), "damaged");
    expect([0, 1, 2].map((block) => store.blocks.has(block))).toEqual([true, false, true]);
    put(store, 1);
    expect(store.isWhole()).toBe(true);
  });

  test("another model, data, tap, preprocessing or number of top images has another store", () => {
    put(open(), 0, 1, 2);
    const others: Parameters<typeof open>[0][] = [
      { sha256: "other" },
      { hash: "other" },
      { own: layers.map((layer) => ({ ...layer, tap: `${layer.tap}2` })) },
      { topImages: 5 },
      { preprocessing: { resize: 4 } },
    ];
    for (const other of others) expect(open(other).isWhole()).toBe(false);
    expect(open({ own: layers.slice(1) }).isWhole()).toBe(true);
  });
});
