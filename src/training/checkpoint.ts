/**
 * The state of a training on disk: a line of JSON with what is in it, the values as they are in memory, and the SHA-256 of
 * both.
 *
 * An interrupted write leaves the one before.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { UnitscopeError } from "../errors.ts";
import { openAtomicFile } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
import { parseJson } from "../files/parse-json.ts";
import * as z from "../files/zod.ts";
import { floatValue, type Value } from "../runtime/session.ts";
import type { StreamStates } from "./batches.ts";

/** One line of the training log. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
  /** Accuracy over the epoch's training batches, while training. */
  readonly trainAccuracy: number;
  /** Top-1 accuracy over the test set after the epoch; `null` without one. */
  readonly testAccuracy: number | null;
  /** The learning rate of the epoch's last step. */
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  readonly elapsedMs: number;
}

/** A training between two epochs. */
export interface Checkpoint {
  /** What the training is: a resume must give the same. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly epochsDone: number;
  readonly streams: StreamStates;
  readonly log: readonly EpochRecord[];
  /** Parameters and velocities, float32. */
  readonly state: ReadonlyMap<string, Value>;
}

const FORMAT = "unitscope checkpoint 2";
const DIGEST_BYTES = 32;

const stream = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const headerSchema = z.object({
  recipe: z.record(z.string(), z.unknown()),
  epochsDone: z.int().nonnegative(),
  streams: z.object({ order: stream, variation: stream, masks: stream }),
  log: z.array(
    z.object({
      epoch: z.int(),
      loss: z.number().nullable(),
      trainAccuracy: z.number(),
      testAccuracy: z.number().nullable(),
      learningRate: z.number(),
      imagesPerSecond: z.number(),
      elapsedMs: z.number(),
    }),
  ),
  tensors: z.array(z.object({ name: z.string(), dims: z.array(z.int().nonnegative()) })),
});

/** Writes a checkpoint. @throws {UnitscopeError} `file` if it cannot be written. */
export function writeCheckpoint(path: string, { state, ...rest }: Checkpoint): void {
  const tensors = [...state].map(([name, { dims }]) => ({ name, dims }));
  const header = Buffer.from(`${JSON.stringify({ format: FORMAT, ...rest, tensors })}\n`);
  const file = openAtomicFile(path);
  const digest = createHash("sha256");
  const write = (bytes: Uint8Array): void => {
    digest.update(bytes);
    file.write(bytes);
  };
  write(header);
  for (const { data } of state.values()) write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  file.write(digest.digest());
  file.commit();
}

/**
 * Reads a checkpoint.
 * @throws {UnitscopeError} `file` if there is none or it is not whole, to the last bit.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "a checkpoint to resume from" });
  }
  const broken = (found: string, cause?: unknown): UnitscopeError =>
    new UnitscopeError("file", `${path}: expected a whole checkpoint of this version, got ${found}`, { cause });
  const end = bytes.indexOf("\n");
  if (end < 0) throw broken("a file without a header");
  let given: { format?: unknown } | null;
  try {
    given = parseJson(bytes.toString("utf8", 0, end)) as typeof given;
  } catch (cause) {
    throw broken("a header that is not JSON", cause);
  }
  if (given?.format !== FORMAT) throw broken(`format "${String(given?.format)}"`);
  const content = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES));
  if (!createHash("sha256").update(content).digest().equals(bytes.subarray(content.length))) {
    throw broken(`${bytes.length} bytes that were cut short or changed`);
  }
  const parsed = headerSchema.safeParse(given);
  if (!parsed.success) throw broken(`a header with another ${parsed.error.issues[0]?.path.join(".")}`, parsed.error);
  const { tensors, recipe, epochsDone, streams } = parsed.data;
  // A loss that is no number is written as null.
  const log = parsed.data.log.map((each) => ({ ...each, loss: each.loss ?? Number.NaN }));
  let offset = end + 1;
  const state = new Map<string, Value>();
  for (const { name, dims } of tensors) {
    const size = dims.reduce((product, dim) => product * dim, 4);
    if (!(offset + size <= content.length)) throw broken(`${bytes.length} bytes, too few`);
    const copy = new Uint8Array(content.subarray(offset, offset + size));
    state.set(name, floatValue(dims, new Float32Array(copy.buffer)));
    offset += size;
  }
  if (offset !== content.length) throw broken(`${content.length - offset} bytes more than its header says`);
  return { recipe, epochsDone, streams, log, state };
}
