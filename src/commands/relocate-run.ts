/** A run whose images have moved: finds them where they are now and remembers it. */
import { resolve } from "node:path";
import { absoluteSource } from "../data/open-image-set.ts";
import { openRun } from "../runs/run-folder.ts";
import { type FetchProgress, reopenSubject } from "./subject.ts";

/**
 * Points a run at its images' new place, if they are the same there.
 *
 * @param place.data the folder, file or name that they are under now.
 * @param place.root the folder that a list's paths start from now.
 * @throws {UnitscopeError} `run` if the images there are others; the run then stays as it was.
 */
export async function relocateRun(
  path: string,
  place: { readonly data: string; readonly root?: string | undefined },
  { fetching, signal }: { fetching?: FetchProgress; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const run = openRun(path);
  const { data, options } = run.manifest();
  const moved = { data: { ...data, path: absoluteSource(place.data) } };
  const change = place.root === undefined ? moved : { ...moved, options: { ...options, root: resolve(place.root) } };
  const there = { ...run, manifest: () => ({ ...run.manifest(), ...change }) };
  await reopenSubject(there, { progress: fetching, signal });
  run.updateManifest(change);
}
