/**
 * Reads a Parquet file of images once, in a thread of its own that is watched: what a file says of its pages can keep a
 * decoder busy for ever, or have it take all memory. What came through is read again without.
 */
import { stat } from "node:fs/promises";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { startThread } from "../files/start-thread.ts";
import type { ScanMessage, ScanRequest } from "./parquet-scan-worker.ts";

/** Labels and digests of all rows. */
export interface ScannedRows {
  readonly labels: unknown[];
  /** SHA-256 of every image's bytes, `[rows, 32]`. */
  readonly digests: Uint8Array;
}

/**
 * Processor time that may pass without a word from the thread: so much, and a second for so many bytes of the file. Of a
 * machine that is busy with something else the thread gets little, and is not given up for that.
 */
const PATIENCE_S = 4;
const SLOWEST_BYTES_PER_S = 1 << 18;
const LOOK_MS = 250;
/** Of what it makes of the file beside the file's own bytes. */
const MEMORY_MB = 700;

/**
 * Reads all rows.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is no Parquet file of images, has no end or needs
 *   more memory than a file should; `interrupted` if the signal fires.
 */
export async function scanParquet(
  request: ScanRequest,
  { progress, signal }: { progress?: (done: number, total: number) => void; signal?: AbortSignal | undefined } = {},
): Promise<ScannedRows> {
  const { path } = request;
  const { size } = await stat(path).catch((cause: unknown) => {
    throw diskError(path, cause, { rule: "a Parquet file" });
  });
  const labels: unknown[] = [];
  const digests: Uint8Array[] = [];
  let rowCount = 0;
  const worker = startThread(new URL("./parquet-scan-worker.ts", import.meta.url), {
    workerData: request,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  let watching: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = (got: string, cause?: unknown): void =>
        reject(new UnitscopeError("data", `${path}: expected a Parquet file that can be read, got ${got}`, { cause }));
      let since = process.cpuUsage();
      watching = setInterval(() => {
        const { user, system } = process.cpuUsage(since);
        if ((user + system) / 1e6 > PATIENCE_S + size / SLOWEST_BYTES_PER_S) refuse("pages without an end");
      }, LOOK_MS);
      signal?.addEventListener("abort", () => reject(interrupted(path)), { once: true });
      if (signal?.aborted) reject(interrupted(path));
      worker.once("error", (error) => refuse(messageOf(error), error));
      worker.once("exit", () => refuse("an end of the thread that read it"));
      worker.on("message", (message: ScanMessage) => {
        since = process.cpuUsage();
        if (message.kind === "done") resolve();
        else if (message.kind === "opened") ({ rowCount } = message);
        else if (message.kind === "failed") reject(new UnitscopeError(message.code, message.message));
        else {
          for (const label of message.labels) labels.push(label);
          digests.push(message.digests);
          progress?.(labels.length, rowCount);
        }
      });
    });
  } finally {
    clearInterval(watching);
    await worker.terminate();
  }
  if (labels.length !== rowCount) {
    throw new UnitscopeError("data", `${path}: expected ${rowCount} rows, as it says, got ${labels.length}`);
  }
  return { labels, digests: joined(digests) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function interrupted(path: string): UnitscopeError {
  return new UnitscopeError("interrupted", `data "${path}": expected to finish, got an interruption`);
}
