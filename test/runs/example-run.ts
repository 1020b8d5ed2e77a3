/** A small run by hand, for the tests of this folder and of the figures. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export { exampleManifest, exampleUnits } from "./example-manifest.ts";

/** A new empty folder, removed after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "unitscope-results-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
