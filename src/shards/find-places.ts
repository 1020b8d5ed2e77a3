/** Where a plan's model and images are on this machine: at their paths, or seen from the run's folder as when planned. */
import { existsSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import type { SubjectPlaces } from "../commands/subject.ts";
import type { RunManifest } from "../runs/run-manifest.ts";
import type { RelativePlaces } from "./run-plan.ts";

/** Paths that a run names, from its folder; what is known by a name alone is left out. */
export function relativePlaces(path: string, { model, data, options }: RunManifest): RelativePlaces {
  const from = (place: unknown): string | undefined =>
    typeof place === "string" && isAbsolute(place) ? relative(resolve(path), place) : undefined;
  const [root, classes] = [from(options["root"]), from(options["classes"])];
  const dataPath = from(data.path);
  return {
    model: relative(resolve(path), model.path),
    ...(dataPath !== undefined && { data: dataPath }),
    ...(root !== undefined && { root }),
    ...(classes !== undefined && { classes }),
  };
}

/** What was given, else what the run says where something is there, else what is where it was from the run's folder. */
export function findPlaces(
  path: string,
  { model, data, options }: RunManifest,
  places: RelativePlaces,
  given: SubjectPlaces,
): SubjectPlaces {
  const find = (said: unknown, moved: string | undefined): string | undefined => {
    if (moved === undefined || typeof said !== "string" || existsSync(said)) return undefined;
    const there = resolve(path, moved);
    return existsSync(there) ? there : undefined;
  };
  return {
    model: given.model ?? find(model.path, places.model),
    data: given.data ?? find(data.path, places.data),
    root: given.root ?? find(options["root"], places.root),
    classes: given.classes ?? find(options["classes"], places.classes),
  };
}
