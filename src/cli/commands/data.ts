/** `unitscope data`: which data sets there are, fetching them, and checking any image set. */
import { Command } from "commander";
import type { LabelReport } from "../../commands/check-labels.ts";
import type { ImageSetReport } from "../../data/check-image-set.ts";
import { UnitscopeError } from "../../errors.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { formatTable } from "../format-table.ts";

/** Undecodable images that are listed one by one before the rest is summed up; `--json` has all of them. */
const LISTED = 20;

/** The command `data` with its subcommands; without one it lists. */
export function dataCommand(context: CliContext): Command {
  const data = new Command("data").description("data sets: what there is, fetching, checking");
  data
    .command("list", { isDefault: true })
    .description("data sets known by name, and whether they are on this machine")
    .allowExcessArguments() // what is no subcommand comes here
    .action(async (_, { args }: Command) => {
      if (args.length === 0) return listData(context);
      const { closest } = await import("fastest-levenshtein");
      const names = data.commands.map((each) => each.name());
      throw new UnitscopeError(
        "usage",
        `data: expected ${names.join(", ")}, got "${args[0]}"; did you mean "${closest(args[0], names)}"?`,
      );
    });
  data
    .command("pull")
    .description("fetch a data set into the cache folder")
    .argument("<name>", "one that unitscope data lists")
    .option("--force", "fetch it again even if it is there")
    .option("--from <path>", "take it from a copy: tiny-imagenet's zip, the folder it unpacks to, or one of its tars")
    .action((name: string, options: { force?: true; from?: string }) => pullData(context, name, options));
  data
    .command("check")
    .description("decode every image of a data set and tell what it holds; exit code 1 if an image cannot be decoded")
    .argument("<data>", "name:split, folder, list file, .parquet or .npz")
    .option("--root <folder>", "folder that a list file's paths start from")
    .option("--limit <images>", "the first so many images of every class", imagesPerClassLimit)
    .option("--label <names>", "images may have several labels: how many have each of these, or of all")
    .option("--classes <file>", "the network's labels in the order of its outputs, for --label")
    .action((name: string, options: CheckOptions) => checkData(context, name, options));
  return data;
}

async function listData(context: CliContext): Promise<void> {
  const { isPulled, namedSources, sourceFolder } = await import("../../data/named-sources.ts");
  const { cacheFolder } = await import("../../data/cache.ts");
  const found = [];
  for (const source of namedSources) {
    const { name, description, splits } = source;
    const fetched = await isPulled(source);
    const folder = sourceFolder(source);
    found.push({ name, splits, description, fetched, downloadBytes: source.downloadBytes, folder });
  }
  if (context.json) return context.print(JSON.stringify(found));
  for (const { name, splits, description, fetched, downloadBytes } of found) {
    const state = fetched ? "fetched" : `${(downloadBytes / 1e6).toFixed(0)} MB to fetch`;
    context.print(`${splits.map((split) => `${name}:${split}`).join(", ")}  ${description} (${state})`);
  }
  context.note(`cache folder: ${cacheFolder()}`);
}

async function pullData(
  context: CliContext,
  name: string,
  { force, from }: { force?: true; from?: string },
): Promise<void> {
  const { isPulled, namedSource, namedSources, pullSource, removePulled, sourceFolder } = await import(
    "../../data/named-sources.ts"
  );
  const source = namedSource(name.replace(/:(train|test)$/, ""));
  if (force) await removePulled(source);
  const { progress, finish } = showDataProgress(context);
  try {
    await pullSource(source, { from, progress, signal: context.signal });
  } finally {
    finish();
  }
  const folder = sourceFolder(source);
  if (context.json) return context.print(JSON.stringify({ name: source.name, folder }));
  // A copy of half the classes is whole as such, but not as the set that shares its folder.
  for (const each of namedSources.filter(({ folderName }) => folderName === source.folderName)) {
    if (await isPulled(each)) context.print(`${each.name}: complete and sound in ${folder}`);
  }
}

interface CheckOptions {
  root?: string;
  limit?: number;
  label?: string;
  classes?: string;
}

async function checkData(
  context: CliContext,
  name: string,
  { root, limit, label, classes }: CheckOptions,
): Promise<void> {
  if (classes !== undefined && label === undefined) {
    throw new UnitscopeError("usage", `--classes: expected --label with it, got none`);
  }
  const { openImageSet } = await import("../../data/open-image-set.ts");
  const { checkImageSet } = await import("../../data/check-image-set.ts");
  const { progress, finish } = showDataProgress(context);
  let report: ImageSetReport;
  let labels: LabelReport[] | undefined;
  try {
    const severalLabels = label !== undefined;
    const set = await openImageSet(name, {
      root,
      limit,
      severalLabels,
      tolerant: true,
      progress,
      signal: context.signal,
    });
    if (label !== undefined) {
      const { checkLabels } = await import("../../commands/check-labels.ts");
      labels = await checkLabels(set, label, { classes });
    }
    report = await checkImageSet(set, { progress, signal: context.signal });
  } finally {
    finish();
  }
  if (context.json) context.print(JSON.stringify({ ...report, ...(labels && { labels }) }));
  else for (const line of [...reportLines(report), ...labelLines(labels ?? [])]) context.print(line);
  // Of all columns of a table, some may be no labels.
  const isWrong =
    (labels ?? []).some(({ problem }) => problem !== undefined) && (label !== "all" || classes !== undefined);
  if (report.undecodable.length > 0 || isWrong) context.failed();
}

/** Labels as lines of text, each with why a run would refuse it. */
function labelLines(labels: readonly LabelReport[]): string[] {
  if (labels.length === 0) return [];
  const rows = labels.map(({ label, having, without, missing }) => [label, ...[having, without, missing].map(String)]);
  const problems = labels.flatMap(({ label, problem }) => (problem === undefined ? [] : [`  ${label}: ${problem}`]));
  return [
    `labels       ${labels.length}`,
    ...formatTable([["label", "with", "without", "missing"], ...rows], { right: [1, 2, 3] }).map((line) => `  ${line}`),
    ...(problems.length > 0 ? ["cannot be measured:", ...problems] : []),
  ];
}

/** The report as lines of text. */
function reportLines({ name, hash, images, classes, sizes, repeats, turned, undecodable }: ImageSetReport): string[] {
  const counts = classes.map((cls) => cls.images);
  const least = Math.min(...counts);
  const most = Math.max(...counts);
  const width = Math.max(...classes.map((cls) => cls.name.length));
  return [
    `data         ${name}`,
    `hash         ${hash}`,
    `images       ${images}`,
    ...(classes.length === 0
      ? []
      : [`classes      ${classes.length}`, `per class    ${least === most ? least : `${least} to ${most}`}`]),
    ...(least === most || classes.length === 0
      ? []
      : classes.map((cls) => `  ${cls.name.padEnd(width)}  ${cls.images}`)),
    ...sizes
      .slice(0, 10)
      .map((size, at) => (at === 0 ? "sizes" : "").padEnd(13) + `${size.width}×${size.height}: ${size.images}`),
    ...(sizes.length > 10 ? [`${" ".repeat(13)}and ${sizes.length - 10} other sizes`] : []),
    ...(repeats.count > 0
      ? [
          `copies       ${repeats.count} with the pixels of another image${classes.length === 0 ? "" : `, ${repeats.otherLabel} of them of another class`}`,
        ]
      : []),
    ...(turned > 0
      ? [
          `turned       ${turned}: an EXIF orientation that is ignored; "orientation": "apply" in --preprocess follows it`,
        ]
      : []),
    `undecodable  ${undecodable.length === 0 ? "none" : undecodable.length}`,
    ...undecodable.slice(0, LISTED).map(({ reason }) => `  ${reason}`),
    ...(undecodable.length > LISTED ? [`  and ${undecodable.length - LISTED} more`] : []),
  ];
}

function imagesPerClassLimit(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UnitscopeError("usage", `--limit: expected a whole number of images per class from 1, got "${text}"`);
}
