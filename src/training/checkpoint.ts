/**
 * The state of a training on disk: a line of JSON with what is in it, then the values as they are in memory.
 *
 * An interrupted write leaves the one before.
 */
import { readFile } from "node:fs/promises";
import { UnitscopeError } from "../errors.ts";
import { openAtomicFile } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
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

const FORMAT = "unitscope checkpoint 1";

/** Writes a checkpoint. @throws {UnitscopeError} `file` if it cannot be written. */
export function writeCheckpoint(path: string, { state, ...rest }: Checkpoint): void {
  const tensors = [...state].map(([name, { dims }]) => ({ name, dims }));
  const header = Buffer.from(`${JSON.stringify({ format: FORMAT, ...rest, tensors })}\n`);
  const file = openAtomicFile(path);
  file.write(header);
  for (const { data } of state.values()) file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  file.commit();
}

/**
 * Reads a checkpoint.
 * @throws {UnitscopeError} `file` if there is none or it is not whole.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "a checkpoint to resume from" });
  }
  const broken = (found: string): UnitscopeError =>
    new UnitscopeError("file", `${path}: expected a whole checkpoint of this version, got ${found}`);
  const end = bytes.indexOf("\n");
  if (end < 0) throw broken("a file without a header");
  let header: Omit<Checkpoint, "state"> & { format?: string; tensors: { name: string; dims: number[] }[] };
  try {
    header = JSON.parse(bytes.toString("utf8", 0, end));
  } catch {
    throw broken("a header that is not JSON");
  }
  if (header.format !== FORMAT) throw broken(`format "${header.format}"`);
  let offset = end + 1;
  const state = new Map<string, Value>();
  for (const { name, dims } of header.tensors) {
    const size = dims.reduce((product, dim) => product * dim, 4);
    if (offset + size > bytes.length) throw broken(`${bytes.length} bytes, too few`);
    const copy = new Uint8Array(bytes.subarray(offset, offset + size));
    state.set(name, floatValue(dims, new Float32Array(copy.buffer)));
    offset += size;
  }
  const { recipe, epochsDone, streams, log } = header;
  return { recipe, epochsDone, streams, log, state };
}
