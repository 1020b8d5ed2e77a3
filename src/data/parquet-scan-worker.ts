/** The thread that reads a Parquet file of images from its first row to its last: `parquet-scan.ts` starts and watches it. */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, messageOf, UnitscopeError } from "../errors.ts";
import { imageBytes, notAnImage, openParquetFile, readRowGroup } from "./parquet-file.ts";

/** What is read. */
export interface ScanRequest {
  readonly path: string;
  /** Whether rows without an image are fine. */
  readonly tolerant: boolean;
  /** Whether an image may have several labels. */
  readonly severalLabels: boolean;
}

/** What the thread says. */
export type ScanMessage =
  | { readonly kind: "opened"; readonly rowCount: number }
  /** The next row group: labels as they are, SHA-256 of every image's bytes `[rows, 32]`. */
  | { readonly kind: "rows"; readonly labels: unknown[]; readonly digests: Uint8Array }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

const { path, tolerant, severalLabels } = workerData as ScanRequest;
const post = (message: ScanMessage): void => parentPort?.postMessage(message);

try {
  const table = await openParquetFile(path, { severalLabels });
  const { groupStarts } = table;
  post({ kind: "opened", rowCount: groupStarts.at(-1) ?? 0 });
  for (let group = 0; group + 1 < groupStarts.length; group++) {
    const rows = await readRowGroup(table, group);
    const digests = new Uint8Array(32 * rows.length);
    for (const [at, { image }] of rows.entries()) {
      const bytes = imageBytes(image);
      if (!bytes && !tolerant) throw notAnImage(table, groupStarts[group] + at, image);
      const digest = createHash("sha256")
        .update(bytes ?? "")
        .digest();
      digests.set(digest, 32 * at);
    }
    post({ kind: "rows", labels: rows.map(({ label }) => label), digests });
  }
  post({ kind: "done" });
} catch (error) {
  const code = error instanceof UnitscopeError ? error.code : "data";
  post({ kind: "failed", code, message: messageOf(error) });
}
