/** Readers of finished blocks of a pass: the whole files, and their payloads behind a right checksum. */
import { type BaselinePart, mergeSwept, type SweptPart } from "../../src/ablation/sweep-pass.ts";
import { UnitscopeError } from "../../src/errors.ts";
import { sha256 } from "../../src/files/hash.ts";
import { exactSums } from "../../src/numeric/exact-sums.ts";
import { folderStore } from "../../src/passes/block-store.ts";
import { consecutiveBlocks } from "../../src/passes/image-order.ts";
import { absentBlocks } from "../../src/passes/pass-runner.ts";
import { type Plan, planKey } from "../../src/passes/plan.ts";
import { mergeStored } from "../../src/passes/run-pass.ts";
import { encodeValue } from "../../src/passes/value-codec.ts";
import { withPayload } from "./containers.ts";
import { filesOf } from "./files-of.ts";
import { damageAny, damageBytes, damageJson, type Files, pick } from "./mutate.ts";
import type { Reader } from "./reader.ts";

/** The plan of a small sweep. */
export const plan: Plan = {
  pass: "sweep",
  key: planKey(
    { model: "ab".repeat(32), images: "cd".repeat(32), preprocessing: {} },
    { ablation: { method: "zero" } },
  ),
  shared: {},
  layers: ["conv1", "conv2"].map((name) => ({ name, key: { tap: `${name}/relu` }, units: 2 })),
  ...consecutiveBlocks(100, 40).plan,
};

/** What a sweep could find on a block. */
function partOf(block: number): { shared: BaselinePart; layers: SweptPart[] } {
  const images = consecutiveBlocks(100, 40).imagesOf(block);
  const layer = (seed: number): SweptPart => {
    const flipped = images.filter((image) => (image * 7 + seed) % 5 === 0);
    const values = Float64Array.from({ length: 2 * 3 * 8 }, (_, i) => Math.sin(block * 100 + seed * 10 + i));
    return {
      flips: { unit: flipped.map((image) => image % 2), image: flipped, prediction: flipped.map((image) => image % 3) },
      settled: { silent: block, certified: seed, closedForm: 0, suffix: images.length, plain: 1 },
      continuous: { classes: Int32Array.of(block, block + 1, 9), sums: exactSums(values), largest: values.slice(0, 8) },
      verified: block + seed,
    };
  };
  return {
    shared: { images, predictions: images.map((image) => image % 3), margins: Float32Array.from(images) },
    layers: [layer(0), layer(1)],
  };
}

const pieceFiles = async (): Promise<Files> =>
  await filesOf((folder) => {
    const store = folderStore<BaselinePart, SweptPart>(folder, plan);
    for (let block = plan.from; block < plan.to; block++) store.put(block, partOf(block));
  });

const readPieces = async (folder: string): Promise<string> => {
  const store = folderStore<BaselinePart, SweptPart>(folder, plan);
  const absent = absentBlocks(plan, store, { isThorough: true });
  if (absent.length > 0)
    throw new UnitscopeError(
      "waiting",
      `sweep: expected all blocks, got none of ${absent.map(({ block }) => block).join()}`,
    );
  const merged = mergeStored({ plan, merge: mergeSwept }, store);
  return sha256(encodeValue([merged.shared(), merged.layer(0), merged.layer(1)]));
};

const pieceReader: Reader = {
  name: "pieces",
  build: pieceFiles,
  damage: (random, files) => damageAny(random, files),
  read: readPieces,
  isGuarded: true,
};

const payloadReader: Reader = {
  name: "payloads",
  build: pieceFiles,
  damage: (random, files) => {
    const name = pick(random, Object.keys(files));
    const changed = withPayload(files[name], (payload) => {
      if (random.integer(3) === 0) return damageBytes(random, payload);
      const length = payload.readUInt32LE(4);
      const json = Buffer.from(damageJson(random, payload.toString("utf8", 8, 8 + length)));
      const start = (8 + length + 7) & ~7;
      const header = Buffer.from(payload.subarray(0, 8));
      header.writeUInt32LE(json.length, 4);
      const padding = Buffer.alloc((8 - ((8 + json.length) % 8)) % 8);
      return Buffer.concat([header, json, padding, payload.subarray(start)]);
    });
    return { ...files, [name]: changed };
  },
  read: readPieces,
};

/** Both. */
export const pieceReaders: readonly Reader[] = [pieceReader, payloadReader];
