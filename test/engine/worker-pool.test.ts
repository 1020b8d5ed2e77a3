/** Worker threads that are asked to stop. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { openPool } from "../../src/engine/worker-pool.ts";

test("an interruption while workers still set up rejects, rather than waits for workers that are gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "unitscope-pool-"));
  const module = join(folder, "worker.js");
  // A worker that obeys the request to stop, but never gets ready.
  await writeFile(module, 'require("node:worker_threads").parentPort.on("message", () => process.exit(0));\n');
  const stopping = new AbortController();
  const opened = openPool(pathToFileURL(module), null, { workers: 2, signal: stopping.signal });
  stopping.abort();
  await expect(opened).rejects.toMatchObject({ code: "interrupted" });
  await rm(folder, { recursive: true });
});
