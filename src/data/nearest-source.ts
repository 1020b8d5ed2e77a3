/** What to do about a data set that is not there: the name or the path that was probably meant. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { closest, distance } from "fastest-levenshtein";
import { listAllowed } from "../errors.ts";
import { namedSplits } from "./named-sources.ts";

/** Advice on `spec`, as it stands behind a semicolon. */
export async function adviceOnSource(spec: string): Promise<string> {
  const named = nearest(
    spec,
    namedSplits().filter((name) => spec.includes(":") || name.startsWith(`${spec}:`)),
  );
  if (named !== undefined) return `did you mean "${named}"?`;
  const [name, folder] = [basename(spec), dirname(spec)];
  const names = await namesIn(folder);
  if (names === undefined) return await adviceOnFolder(folder);
  const near = nearest(name, names);
  if (near !== undefined) return `did you mean "${spec.includes("/") ? join(folder, near) : near}"?`;
  if (names.length === 0) return `"${resolve(folder)}" is empty: check the path`;
  return `"${resolve(folder)}" holds ${listAllowed(names)}: check the path`;
}

/** Of a path whose folder is not there: which of its folders is the first that is not. */
async function adviceOnFolder(folder: string): Promise<string> {
  const above = dirname(folder);
  const names = above === folder ? undefined : await namesIn(above);
  if (names === undefined) return above === folder ? "check the path" : await adviceOnFolder(above);
  const near = nearest(basename(folder), names);
  const meant = near === undefined ? "check the path" : `did you mean "${join(above, near)}"?`;
  return `there is no folder "${resolve(folder)}": ${meant}`;
}

/** Names in a folder, without hidden ones, sorted; none where there is no such folder. */
async function namesIn(folder: string): Promise<string[] | undefined> {
  const names = await readdir(folder).catch(() => undefined);
  return names?.filter((name) => !name.startsWith(".")).sort();
}

/** The name that differs in a few letters only. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const starting = names.find((each) => each.startsWith(`${name}:`) || each.startsWith(`${name}.`));
  if (starting !== undefined || names.length === 0) return starting;
  const [own, folded] = [name.toLowerCase(), names.map((each) => each.toLowerCase())];
  const near = closest(own, folded);
  return distance(own, near) <= Math.max(1, Math.floor(name.length / 3)) ? names[folded.indexOf(near)] : undefined;
}
