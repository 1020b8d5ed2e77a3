/** A pass cut at random, run in parts by different executors, kept in files and merged in any order, is one result. */
import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BaselinePart, mergeSwept, type SweptPart } from "../../src/ablation/sweep-pass.ts";
import { exactSums } from "../../src/numeric/exact-sums.ts";
import { folderStore } from "../../src/passes/block-store.ts";
import { consecutiveBlocks } from "../../src/passes/image-order.ts";
import type { PartialResult } from "../../src/passes/pass.ts";
import { absentBlocks } from "../../src/passes/pass-runner.ts";
import { cut, type Plan, planKey, plannedImages, shard } from "../../src/passes/plan.ts";
import { portionOf, shardsOfBlock } from "../../src/passes/portion.ts";
import { mergeStored } from "../../src/passes/run-pass.ts";
import { decodeValue, encodeValue } from "../../src/passes/value-codec.ts";
import { newFolder } from "../runs/example-run.ts";

const subject = { model: "ab".repeat(32), images: "cd".repeat(32), preprocessing: { layout: "nchw" } };
const plan: Plan = {
  pass: "sweep",
  key: planKey(subject, { ablation: { method: "zero" } }),
  shared: {},
  layers: ["conv1", "conv2"].map((name) => ({ name, key: { tap: `${name}/relu` } })),
  ...consecutiveBlocks(1000, 256).plan,
};

/** What a sweep could find on a block, different for every block and layer. */
function found(block: number): PartialResult<BaselinePart, SweptPart> {
  const images = consecutiveBlocks(1000, 256).imagesOf(block);
  const layer = (seed: number): SweptPart => {
    const flipped = images.filter((image) => (image * 7 + seed) % 5 === 0);
    const values = Float64Array.from(
      { length: 2 * 3 * 8 },
      (_, i) => Math.sin(block * 100 + seed * 10 + i) * 10 ** ((i % 7) - 3),
    );
    return {
      flips: { unit: flipped.map((image) => image % 2), image: flipped, prediction: flipped.map((image) => image % 3) },
      settled: { silent: block, certified: seed, closedForm: 0, suffix: images.length, plain: 1 },
      continuous: { classes: Int32Array.of(block, block + 1, 9), sums: exactSums(values), largest: values.slice(0, 8) },
      verified: block + seed,
    };
  };
  return {
    shared: {
      images,
      predictions: images.map((image) => image % 3),
      margins: Float32Array.from(images, (image) => image / 7),
    },
    layers: [layer(0), layer(1)],
  };
}

const parts = [0, 1, 2, 3].map(found);
const mergeLayer = (some: readonly SweptPart[]): SweptPart => mergeSwept.layer(some, 0);

describe("merging", () => {
  test("gives the same bytes for any order and any grouping", () => {
    const layers = parts.map(({ layers: [first] }) => first);
    const shared = parts.map((part) => part.shared);
    const whole = encodeValue([mergeSwept.shared(shared), mergeLayer(layers)]);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.integer({ min: 1, max: 3 }), (order, at) => {
        const groups = [order.slice(0, at), order.slice(at)];
        const layer = mergeLayer(groups.map((group) => mergeLayer(group.map((block) => layers[block]))));
        const common = mergeSwept.shared(groups.map((group) => mergeSwept.shared(group.map((block) => shared[block]))));
        expect(encodeValue([common, layer])).toEqual(whole);
      }),
    );
  });
});

describe("a plan", () => {
  test("is plain data: printed and read back it is the same plan", () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test("cut into shards covers every block once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), (count) => {
        const shards = Array.from({ length: count }, (_, index) => shard(plan, { index, count }));
        expect(shards.reduce((sum, each) => sum + plannedImages(each), 0)).toBe(1000);
        shards.forEach((each, at) => expect(each.from).toBe(at === 0 ? 0 : shards[at - 1]?.to));
      }),
    );
    expect(() => cut(plan, { from: 2, to: 5 })).toThrow("expected a range of blocks within 0..4, got 2..5");
    expect(() => shard(plan, { index: 3, count: 3 })).toThrow("got 3/3");
  });

  test("run by several machines into one folder, merges to what one machine finds", () => {
    const folder = newFolder();
    for (const index of [2, 0, 1]) {
      const own = shard(plan, { index, count: 3 });
      const store = folderStore<BaselinePart, SweptPart>(folder, own);
      for (let block = own.from; block < own.to; block++) store.put(block, found(block));
    }
    const store = folderStore<BaselinePart, SweptPart>(folder, plan);
    expect([0, 1, 2, 3].every((block) => store.has(block))).toBe(true);
    const merged = mergeStored({ plan, merge: mergeSwept }, store);
    expect(merged.shared()).toEqual(mergeSwept.shared(parts.map(({ shared }) => shared)));
    expect(merged.layer(1)).toEqual(mergeLayer(parts.map(({ layers }) => layers[1])));
    store.clear();
    expect(store.has(0)).toBe(false);
  });
});

describe("kept blocks", () => {
  test("the first of a block stays, a damaged one is not there, and layers serve other plans", () => {
    const folder = newFolder();
    const store = folderStore<BaselinePart, SweptPart>(folder, plan);
    store.put(1, found(1));
    store.put(1, found(2));
    expect(store.layer(1, 0)).toEqual(found(1).layers[0]);
    const one = folderStore<BaselinePart, SweptPart>(folder, { ...plan, layers: plan.layers.slice(1) });
    expect(one.has(1)).toBe(true);
    expect(one.layer(1, 0)).toEqual(found(1).layers[1]);
    const other = folderStore(folder, { ...plan, key: planKey(subject, { ablation: { method: "mean" } }) });
    expect(other.has(1)).toBe(false);
    for (const part of readdirSync(join(folder, "pieces"))) {
      truncateSync(join(folder, "pieces", part, "block-000001.piece"), 100);
    }
    expect(store.has(1)).toBe(false);
    store.put(1, found(1));
    expect(store.has(1)).toBe(true);
  });
});

describe("blocks of which some units are there", () => {
  const counted: Plan = { ...plan, layers: plan.layers.map((layer) => ({ ...layer, units: 2 })) };

  test("count as absent until all units are", () => {
    const folder = newFolder();
    const store = folderStore<BaselinePart, SweptPart>(folder, counted);
    store.put(0, found(0));
    store.put(1, found(1), [Int32Array.of(0), null]);
    expect([0, 1, 2].map((block) => store.seen().layer(block, 0))).toEqual(["whole", "some", "none"]);
    const absent = (isThorough: boolean): number[] =>
      absentBlocks(counted, store, { isThorough }).map(({ block }) => block);
    expect([absent(false), absent(true)]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    store.put(1, found(1), [Int32Array.of(1), null]);
    expect([absent(false), absent(true)]).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });
});

describe("portions", () => {
  test("are all of a plan, every part once, and whoever has a part is found", () => {
    const sizes = fc.record({ blocks: fc.integer({ min: 1, max: 6 }), layers: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40 }), fc.boolean(), ({ blocks, layers }, count, isApart) => {
        const whole: Plan = {
          ...plan,
          layers: Array.from({ length: layers }, (_, at) => ({ name: `layer ${at}`, key: {} })),
          ...consecutiveBlocks(256 * blocks - 100, 256).plan,
          ...(isApart && { isApart }),
        };
        const owners = new Map<string, number>();
        let images = 0;
        for (let index = 0; index < count; index++) {
          const portion = portionOf(whole, { index, count });
          for (let block = portion.plan.from; block < portion.plan.to; block++) {
            images += portion.imagesOf(block);
            const wanted = portion.wanted(block);
            expect(wanted?.every((units) => units?.length === 0) ?? false).toBe(false);
            for (let at = 0; at < layers; at++) {
              if (wanted?.[at]?.length === 0) continue;
              expect(owners.has(`${block} ${at}`)).toBe(false);
              owners.set(`${block} ${at}`, index);
              expect(shardsOfBlock(whole, { block, layers: [at] }, count)).toEqual([index]);
            }
          }
        }
        expect(owners.size).toBe(blocks * layers);
        expect(images).toBeCloseTo(plannedImages(whole), 6);
        for (let block = 0; block < blocks; block++) {
          expect(shardsOfBlock(whole, { block, layers: [] }, count)).toEqual([owners.get(`${block} 0`)]);
        }
      }),
    );
  });
});

describe("the codec", () => {
  const numbers = fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Infinity, -Infinity));
  const arrays = fc.oneof(
    fc.float64Array(),
    fc.float32Array(),
    fc.int32Array(),
    fc.uint32Array(),
    fc.uint8Array(),
    fc.int16Array(),
  );
  const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      numbers,
      arrays,
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 3, noNullPrototype: true }),
      fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 2 }).map((entries) => new Map(entries)),
    ),
  }));

  test("gives back what it was given", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decodeValue(encodeValue(value))).toEqual(value);
      }),
    );
  });

  test("is little endian whatever the machine, at known places", () => {
    const bytes = encodeValue({ a: Float64Array.of(1.5, -2), b: Uint16Array.of(258) });
    const view = new DataView(bytes.buffer);
    const length = view.getUint32(4, true);
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe("UPV1");
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + length))).toBe(
      '{"a":{"$array":["f64",0,2]},"b":{"$array":["u16",16,1]}}',
    );
    const start = (8 + length + 7) & ~7;
    expect([view.getFloat64(start, true), view.getFloat64(start + 8, true)]).toEqual([1.5, -2]);
    expect([bytes[start + 16], bytes[start + 17], bytes.length]).toEqual([2, 1, start + 24]);
  });

  test("refuses what is not plain data, and other bytes", () => {
    expect(() => encodeValue(new Date())).toThrow("expected plain data, got object");
    expect(() => encodeValue({ $array: 1 })).toThrow("expected plain data");
    expect(() => decodeValue(Uint8Array.of(1, 2, 3))).toThrow("expected the format UPV1");
  });
});
