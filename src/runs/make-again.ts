/** How a run gets a table that is missing or damaged: the commands that make it again, as a user types them. */
import type { TableName } from "../tables/schema.ts";
import { commandsOf } from "./repeat-commands.ts";
import type { RunManifest } from "./run-manifest.ts";

/** Tables of a sweep: every finished run holds all of them, and an ablation in its folder makes again those that it lacks. */
export const sweptTables: readonly TableName[] = ["layers", "units", "drops", "baseline", "flips"];

/** The commands that make the other tables, and what follows the run's folder. */
const madeBy: Readonly<Partial<Record<TableName, readonly [command: string, rest?: string]>>> = {
  images: ["attributes"],
  vectors: ["attributes"],
  relations: ["attributes"],
  concepts: ["attributes", " --concepts builtin"],
  sets: ["sets"],
  set_classes: ["sets"],
  rotation: ["rotate"],
  directions: ["rotate"],
  bases: ["rotate", " --export-bases"],
  repair: ["repair"],
  predictions: ["predict", " RUN… --train N"],
};

/** Tables that a later command always writes. */
const writtenBy: Readonly<Record<string, readonly TableName[]>> = {
  attributes: ["vectors", "images", "relations"],
  "attributes --concepts": ["vectors", "concepts"],
  sets: ["sets"],
  rotate: ["rotation", "directions"],
  repair: ["repair"],
};

/** Tables that the later commands of a run wrote. */
export function laterTables({ steps }: RunManifest): TableName[] {
  return steps.flatMap(({ command }) => writtenBy[command] ?? []);
}

/**
 * What to do about a table that a run lacks or that is damaged: the commands that made it, with their options where the
 * manifest knows them.
 * @param path the run's folder.
 */
export function makeAgain(name: TableName, path: string, manifest: RunManifest): string {
  return `make it with: ${commandFor(name, path, manifest)}`;
}

/** The commands alone. */
export function commandFor(name: TableName, path: string, manifest: RunManifest): string {
  const commands = commandsOf(manifest, path, { isHere: true });
  const [first] = commands;
  if (sweptTables.includes(name)) return first;
  const [command, rest = ""] = madeBy[name] ?? ["report"];
  const own = commands.filter((each) => each.startsWith(`unitscope ${command} `));
  if (own.length > 0) return own.join(" && ");
  return first.startsWith("unitscope study ") ? first : `unitscope ${command} ${path}${rest}`;
}
