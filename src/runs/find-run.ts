/** Whether a folder holds a run: what can be said before anything that reads runs is loaded. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";

/** @throws {UnitscopeError} `run` for a folder without `run.json`. */
export function requireRun(path: string): void {
  if (existsSync(join(path, "run.json"))) return;
  const found = !existsSync(path) ? "no such folder" : statSync(path).isDirectory() ? "none" : "a file";
  throw new UnitscopeError(
    "run",
    `run folder "${path}": expected a folder with run.json, got ${found}; make one with: unitscope ablate MODEL DATA --out ${path}`,
  );
}
