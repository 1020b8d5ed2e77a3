/**
 * Weights of large networks in a file that sessions map into memory. A session that gets them inside its model holds them
 * three times while it opens (the model's bytes, what is decoded from them, the runtime's own), and every session holds
 * its own; mapped from a file, they are in memory once for all sessions, which open in a moment.
 */
import { closeSync, existsSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { isMainThread, threadId } from "node:worker_threads";
import type { TensorData } from "../onnx/graph.ts";
import type { OutsideData } from "../onnx/tensor-file.ts";
import { holdUntilEnd } from "./thread-holdings.ts";

const PREFIX = "unitscope-weights-";
/** Where a tensor begins, so that a page of memory is a page of the file. */
const ALIGNMENT = 4096;

/** A tensor's place in the file. */
interface Place {
  readonly offset: number;
  readonly length: number;
}

interface OpenFile {
  readonly path: string;
  length: number;
  /** By the memory that a tensor lies in, and where in it. */
  readonly places: WeakMap<ArrayBufferLike, Map<string, Place>>;
}

let file: OpenFile | null | undefined;

/**
 * Puts the large tensors of a model into this thread's file, each once.
 *
 * @param tensors whose data must not change any more.
 * @returns where each lies; `null` where nothing can be written: then they go inside the model.
 */
export function storeWeights(tensors: readonly TensorData[]): OutsideData | null {
  if (file && !existsSync(file.path)) file = undefined; // tidied away by somebody
  file ??= create();
  if (!file) return null;
  const { path, places } = file;
  try {
    const handle = openSync(path, "r+");
    try {
      for (const data of tensors) put(file, handle, data);
    } finally {
      closeSync(handle);
    }
  } catch {
    rmSync(path, { force: true }); // sessions keep what they have mapped
    file = null; // no room: not tried again
    return null;
  }
  return {
    folder: dirname(path),
    placeOf: (data) => {
      const place = places.get(data.buffer)?.get(keyOf(data));
      return place ? { location: basename(path), ...place } : null;
    },
  };
}

function put(into: OpenFile, handle: number, data: TensorData): void {
  const known = into.places.get(data.buffer) ?? new Map<string, Place>();
  into.places.set(data.buffer, known);
  const key = keyOf(data);
  if (known.has(key)) return;
  const offset = Math.ceil(into.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(handle, bytes, done, Math.min(bytes.length - done, 1 << 26), offset + done);
  }
  into.length = offset + bytes.length;
  known.set(key, { offset, length: bytes.length });
}

function keyOf({ byteOffset, byteLength }: TensorData): string {
  return `${byteOffset}:${byteLength}`;
}

/** A new file where large temporary files belong; `null` if there is no such place. */
function create(): OpenFile | null {
  for (const folder of [process.env["TMPDIR"], "/var/tmp", tmpdir()]) {
    if (!folder) continue;
    const path = join(folder, `${PREFIX}${process.pid}-${threadId}-${Date.now().toString(36)}.bin`);
    try {
      closeSync(openSync(path, "wx", 0o600));
    } catch {
      continue;
    }
    removeLeftBehind(folder);
    holdUntilEnd();
    process.once("exit", () => {
      if (isMainThread) removeAll(folder, (owner) => owner === process.pid);
      else rmSync(path, { force: true });
    });
    return { path, length: 0, places: new WeakMap() };
  }
  return null;
}

/** Files of processes that were killed before they could tidy up. */
function removeLeftBehind(folder: string): void {
  removeAll(folder, (owner) => {
    try {
      process.kill(owner, 0);
      return false;
    } catch (cause) {
      return cause instanceof Error && "code" in cause && cause.code === "ESRCH";
    }
  });
}

function removeAll(folder: string, isOf: (owner: number) => boolean): void {
  try {
    for (const name of readdirSync(folder)) {
      const owner = Number(new RegExp(`^${PREFIX}(\\d+)-.*\\.bin$`).exec(name)?.[1]);
      if (Number.isInteger(owner) && isOf(owner)) rmSync(join(folder, name), { force: true });
    }
  } catch {
    // A folder that cannot be listed, or another user's file: nothing of ours to tidy.
  }
}
