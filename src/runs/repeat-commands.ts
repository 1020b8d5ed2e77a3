/** How to make a run again, from what its manifest says was done; and what a reader must know of how it was made. */
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../files/canonical-json.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { dataTitle, type ManifestStep, type RunManifest } from "./run-manifest.ts";

/** The run folder that the commands write: of run `at` of so many on one page. */
export function againFolder(at: number, count: number): string {
  return count === 1 ? "runs/again" : `runs/again-${at + 1}`;
}

/** The commands of several runs on one page: each run's, and one report of all. */
export function jointCommands(lists: readonly (readonly string[])[]): string[] {
  if (lists.length < 2) return lists.flat();
  const own = lists.flatMap((commands) => commands.filter((command) => !command.startsWith("unitscope report ")));
  return [...own, `unitscope report ${lists.map((_, at) => againFolder(at, lists.length)).join(" ")}`];
}

type Options = Readonly<Record<string, Json | undefined>>;

/** What was decided on opening the model, and what a first look leaves out. */
export function notesOf(manifest: RunManifest): string[] {
  return [...(manifest.notes ?? []).map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`), ...leftOutOf(manifest)];
}

function leftOutOf(manifest: RunManifest): string[] {
  const last = manifest.steps.at(-1);
  if (last?.command !== "study" || last.options["quick"] !== true) return [];
  const { options, data } = manifest;
  const few =
    typeof options["limit"] === "number"
      ? `at most ${withCommas(options["limit"])} images of every class (${withCommas(data.images)} in all), `
      : "";
  return [
    `A first look (--quick): ${few}concepts without what chance would do, sets of up to 10 units found step by step and random ones beside them, one random rotation. What is counted is exact on these images; without --quick there is more of it.`,
  ];
}

/**
 * The commands that make the run again: every option that was used and matters to what is measured, as words for a
 * shell. Of files and folders their names alone are given; threads and devices are everyone's own.
 * @param options.isHere for this machine: files and folders are given with their whole paths.
 */
export function commandsOf(
  manifest: RunManifest,
  again: string = againFolder(0, 1),
  { isHere = false }: { isHere?: boolean } = {},
): string[] {
  const { model, data, options, ablation, layers, steps } = manifest;
  const flags = (known: readonly Flag[], given: Options): string[] => flagsOf(known, given, isHere);
  const isPartial = layers.some(({ images }) => images !== undefined);
  const places = isHere ? [model.path, data.path ?? data.name] : [model.name, dataTitle(data.name)];
  const subject = [...places, "--layers", layers.map(({ name }) => name).join(",")];
  const at = steps.findLastIndex(({ command }) => command === "study");
  const later = steps.slice(at + 1).flatMap((_, index, rest) => laterCommand(rest, index, layers, flags));
  const written = { ...options, ...ablation, engine: manifest.engine };
  const begin =
    at < 0
      ? [
          "ablate",
          ...subject,
          ...flags(ablateFlags, written),
          ...(isPartial ? flags(partialFlags, options) : []),
          "--out",
        ]
      : ["study", ...subject, ...flags(sourceFlags, options), ...studyFlags(steps[at].options, isHere), "--out"];
  const made = at < 0 || later.length > 0 ? [["report"]] : [];
  const followed = [...new Map(later.map((words) => [words.join(" "), words])).values()];
  return [[...begin, again], ...[...followed, ...made].map(([command, ...rest]) => [command, again, ...rest])].map(
    (words) => ["unitscope", ...words].map(quoted).join(" "),
  );
}

/** An option in a manifest, its flag, what it is where it was not used, and how its value is written. */
type Flag = readonly [option: string, flag: string, usual?: Json | undefined, write?: (value: Json) => string];

const titles = (value: Json): string => [value].flat().map(String).map(dataTitle).join(",");

/** What is opened, and how. */
const sourceFlags: readonly Flag[] = [
  ["limit", "--limit"],
  ["preprocess", "--preprocess", undefined, titles],
  ["root", "--root", undefined, titles],
  ["classes", "--classes", undefined, titles],
  ["skipUnreadable", "--skip-unreadable", false],
  ["output", "--output"],
  ["label", "--label"],
];

const ablateFlags: readonly Flag[] = [
  ["method", "--method", "zero"],
  ["draws", "--draws", 3],
  ["seed", "--seed", 1],
  ["engine", "--engine", "auto"],
  ["continuous", "--counts-only", true],
  ["verify", "--verify"],
  ...sourceFlags,
];

/** What ended a sweep early; a run that went on to all images since is made again without. */
const partialFlags: readonly Flag[] = [
  ["until", "--until"],
  ["budget", "--budget", undefined, (seconds) => `${Number(seconds)}s`],
];

const conceptFlags: readonly Flag[] = [
  ["concepts", "--concepts", undefined, titles],
  ["split", "--concept-split", "all"],
  ["shuffles", "--concept-shuffles", 499],
  ["upsampling", "--upsampling", "half-pixel"],
];

/** Options of later commands. */
const laterFlags: Readonly<Record<string, readonly Flag[]>> = {
  attributes: [
    ["pool", "--pool", "mean"],
    ["shuffles", "--shuffles", 200],
    ["topImages", "--top", 9],
    ["resamples", "--resamples", 2000],
    ["seed", "--seed", 1],
  ],
  sets: [
    ["classes", "--classes"],
    ["strategies", "--strategy"],
    ["size", "--size", 20],
    ["rankSplit", "--rank-split", 0.5],
    ["randomSequences", "--random-sequences", 100],
    ["seed", "--seed", 1],
    ["verify", "--verify"],
    ["engine", "--engine", "auto"],
  ],
  rotate: [
    ["seeds", "--seeds", 5],
    ["fractions", "--fractions", [1]],
    ["center", "--center", false],
    ["exportBases", "--export-bases", false],
    ["pca", "--no-pca", true],
    ["seed", "--seed", 1],
    ["verify", "--verify"],
    ["engine", "--engine", "auto"],
  ],
  repair: [],
};

/** The words of the options that are not as usual. */
function flagsOf(flags: readonly Flag[], options: Options, isHere: boolean): string[] {
  return flags.flatMap(([option, flag, usual, write]) => {
    const value = options[option] ?? null;
    if (value === null || isDeepStrictEqual(value, usual)) return [];
    if (typeof value === "boolean") return [flag];
    const written = write === titles && isHere ? undefined : write?.(value);
    return [flag, written ?? [value].flat().map(String).join(",")];
  });
}

function studyFlags({ concepts, quick }: Options, isHere: boolean): string[] {
  const sets = isHere ? [concepts ?? []].flat().map(String).join(",") : titles(concepts ?? []);
  const named = sets === "" ? ["--no-concepts"] : sets === "builtin" ? [] : ["--concepts", sets];
  return [...named, ...(quick === true ? ["--quick"] : [])];
}

const withConcepts = "attributes --concepts";

/**
 * The words of a later command; none for one that is no command of its own. Where concepts were named and units
 * described by one command, it is one again.
 */
function laterCommand(
  steps: readonly ManifestStep[],
  at: number,
  all: RunManifest["layers"],
  wordsOf: (flags: readonly Flag[], options: Options) => string[],
): string[][] {
  const { command, options } = steps[at];
  const flags = laterFlags[command];
  const isAlignment = command === withConcepts;
  if (isAlignment ? isJoined(steps[at], steps[at + 1]) : !flags) return [];
  const aligned = isAlignment ? options : isJoined(steps[at - 1], steps[at]) ? steps[at - 1].options : {};
  const name = isAlignment ? "attributes" : command;
  const own = wordsOf(flags ?? [["seed", "--seed", 1]], options);
  return [[name, ...layerFlags(name, options, all), ...own, ...wordsOf(conceptFlags, aligned)]];
}

function isJoined(aligned: ManifestStep | undefined, described: ManifestStep | undefined): boolean {
  if (aligned?.command !== withConcepts || described?.command !== "attributes") return false;
  return (["layers", "seed"] as const).every((name) =>
    isDeepStrictEqual(aligned.options[name], described.options[name]),
  );
}

/** Which layers, unless they are those that the command takes by itself. */
function layerFlags(command: string, { layers = [] }: Options, all: RunManifest["layers"]): string[] {
  const names = [layers].flat().map(String);
  const isUsual = (command === "attributes" || all.length === 1) && all.every(({ name }) => names.includes(name));
  return names.length === 0 || isUsual ? [] : ["--layers", names.join(",")];
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
