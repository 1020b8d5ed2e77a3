/** What `unitscope view` shows: a run's report, or any folder that holds one. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { openRun } from "../runs/run-folder.ts";

/** A folder to serve, and whether it must be written first. */
export interface ViewedFolder {
  /** The folder with `index.html`. */
  readonly folder: string;
  /** Whether it is missing, or older than something that the run holds. Never so for a folder that is no run. */
  readonly isOutdated: boolean;
}

/**
 * Finds what a path shows: of a run its `report` folder, of another folder itself.
 * @throws {UnitscopeError} `run` if the path holds neither a run nor a page.
 */
export function viewedFolder(path: string): ViewedFolder {
  if (!existsSync(join(path, "run.json"))) {
    if (existsSync(join(path, "index.html"))) return { folder: path, isOutdated: false };
    const found = existsSync(path) ? "neither" : "no such folder";
    throw new UnitscopeError("run", `folder "${path}": expected a run (run.json) or a page (index.html), got ${found}`);
  }
  openRun(path); // a damaged manifest is found here
  const folder = join(path, "report");
  const page = join(folder, "index.html");
  return { folder, isOutdated: !existsSync(page) || statSync(page).mtimeMs < newestTable(path) };
}

/** When the run last changed: its manifest and tables, in milliseconds since 1970. */
function newestTable(path: string): number {
  try {
    const names = readdirSync(path).filter((name) => name === "run.json" || name.endsWith(".parquet"));
    return Math.max(...names.map((name) => statSync(join(path, name)).mtimeMs));
  } catch (cause) {
    throw diskError(path, cause);
  }
}
