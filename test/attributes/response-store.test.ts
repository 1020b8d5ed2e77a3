import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { openResponseStore, type ResponseStoreKey } from "../../src/commands/response-store.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { mergeObserved, type Observed } from "../../src/responses/observed.ts";
import { createObserver } from "../../src/responses/observer.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const images = 30;
const classCount = 2;
const layers = [
  { name: "a", tap: "a/out", units: 3, height: 2, width: 2 },
  { name: "b", tap: "b/out", units: 2, height: 1, width: 1 },
];
const key: ResponseStoreKey = {
  model: { sha256: "m" },
  data: { hash: "d", images },
  preprocessing: {},
  classCount,
  logits: "logits",
  layers,
  topImages: 4,
};
const observer = createObserver({ layers, classCount, imageCount: images, topImages: 4 });

/** Images `start` to `end - 1`, always the same. */
function block(start: number, end: number): Observed {
  const values = (length: number, seed: number): Float32Array => {
    const random = seededRandom(seed);
    const all = Float32Array.from({ length: length * images }, () => Math.max(0, random.normal()));
    return all.slice(start * length, end * length);
  };
  observer.observe({
    start,
    count: end - start,
    probabilities: values(classCount, 9),
    responses: layers.map(({ units, height, width }, at) => values(units * height * width, at)),
  });
  return observer.take();
}

let path: string;
beforeEach(async () => {
  path = await temporaryFolder();
});

describe("response store", () => {
  test("gives back what the blocks hold, opened again in between", () => {
    const whole = block(0, images);
    openResponseStore(path, key).put(block(0, 12));
    expect(openResponseStore(path, key).coverage()).toBe(12);
    openResponseStore(path, key).put(block(12, images));
    const store = openResponseStore(path, key);
    expect(store.coverage()).toBe(images);
    expect(store.probabilities()).toEqual(whole.probabilities);
    const summary = store.summary();
    expect(summary.count).toBe(images);
    expect(summary.layers[0]?.top).toEqual(whole.layers[0]?.top);
    expect(summary.layers[1]?.maximum).toEqual(whole.layers[1]?.maximum);
    expect(summary.layers[0]?.moments).toEqual(mergeObserved(block(0, 12), block(12, images)).layers[0]?.moments);
    const pooled = store.pooled(0, "max", 1, 3);
    for (let image = 0; image < images; image++) {
      expect(pooled[images + image]).toBe(whole.layers[0]?.pooledMax[image * 3 + 2]);
    }
    expect(store.pooled(1, "mean", 0, 1)[7]).toBe(whole.layers[1]?.pooledMean[14]);
  });

  test("counts only what has no gap, and refuses to sum up less than all images", () => {
    const store = openResponseStore(path, key);
    store.put(block(12, images));
    expect(store.coverage()).toBe(0);
    expect(() => store.summary()).toThrow("expected all 30 images, got the first 0");
    store.put(block(0, 12));
    expect(store.coverage()).toBe(images);
  });

  test("a damaged piece is observed again", () => {
    const store = openResponseStore(path, key);
    store.put(block(0, 12));
    store.put(block(12, images));
    const folder = join(path, "pieces");
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name, "block-12-18.piece"), "damaged");
    const again = openResponseStore(path, key);
    expect(again.coverage()).toBe(12);
    again.put(block(12, images));
    expect(again.coverage()).toBe(images);
  });

  test("another model, data, tap or number of top images has another store", () => {
    openResponseStore(path, key).put(block(0, images));
    const others: ResponseStoreKey[] = [
      { ...key, model: { sha256: "other" } },
      { ...key, data: { hash: "other", images } },
      { ...key, layers: layers.map((layer) => ({ ...layer, tap: `${layer.tap}2` })) },
      { ...key, topImages: 5 },
      { ...key, preprocessing: { resize: 4 } },
    ];
    for (const other of others) expect(openResponseStore(path, other).coverage()).toBe(0);
    expect(openResponseStore(path, { ...key, layers: layers.slice(1) }).coverage()).toBe(images);
  });
});
