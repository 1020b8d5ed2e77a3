/** `unitscope compare RUN RUN…`: what different ways of training do to the units. */

import { Command, InvalidArgumentError, Option } from "commander";
import type { CompareRunsOptions, CompareRunsResult } from "../../commands/compare-runs.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";
import { list } from "../option-parsers.ts";
import { points } from "../points.ts";

type Options = Omit<CompareRunsOptions, "names"> & { name?: Map<string, string> };

/** The command `compare`. */
export function compareCommand(context: CliContext): Command {
  return new Command("compare")
    .description("max class drops and concept detectors of several networks on shared axes: figures 8 and 9")
    .argument("<runs...>", "run folders, at least two")
    .addOption(
      new Option(
        "--layer, --layers <names>",
        "layers, separated by commas; all that every run has by default",
      ).argParser(list),
    )
    .addOption(
      new Option(
        "--name <run=label>",
        "what to call a run, once for each; runs with the same label are seeds of one variant",
      ).argParser(addName),
    )
    .addOption(
      new Option("--sign <sign>", "damage: positive means damage; paper: accuracy after minus before")
        .choices(["damage", "paper"])
        .default("damage"),
    )
    .option("--match", "look for the first run's units in the other networks, by their responses to the same images")
    .option("--out <folder>", "folder for figures and tables", "runs/compare")
    .action(async (paths: string[], { name, ...options }: Options) => {
      const { runComparison } = await import("../../commands/compare-runs.ts");
      show(context, await runComparison(paths, { ...options, names: name }, { signal: context.signal }));
    });
}

function show(
  context: CliContext,
  { out, variants, runs, methods, matches, cautions, figures }: CompareRunsResult,
): void {
  for (const caution of cautions) context.note(`note: ${caution}`);
  if (context.json) {
    context.print(JSON.stringify({ out, variants, runs, methods, matches, cautions, figures }));
    return;
  }
  const header = [
    "layer",
    "variant",
    "networks",
    "accuracy",
    "max class drop",
    "by chance",
    "split half",
    "overall drop",
    "significant effects",
    "detectors",
    "concepts",
  ];
  const rows = variants.map((each) => [
    each.layer,
    each.variant,
    String(each.networks),
    pointsOrNone(each.accuracy),
    each.networks > 1
      ? `${pointsOrNone(each.maxClassDrop)} (${pointsOrNone(each.maxClassDropLow)} to ${pointsOrNone(each.maxClassDropHigh)})`
      : pointsOrNone(each.maxClassDrop),
    pointsOrNone(each.maxClassNull),
    pointsOrNone(each.splitHalfDrop),
    pointsOrNone(each.overallDrop),
    each.significantEffects < 0 ? "-" : `${count(each.significantEffects)} of ${count(each.effects)}`,
    count(each.detectors),
    count(each.concepts),
  ]);
  context.print("means over units and networks, in points of accuracy; positive means damage");
  for (const line of formatTable([header, ...rows], { right: [2, 3, 4, 5, 6, 7, 8, 9, 10] })) context.print(line);
  if (methods) for (const line of methodLines(methods)) context.print(line);
  if (matches) for (const line of matchLines(matches)) context.print(line);
  for (const figure of figures) context.print(`figure: ${figure}`);
  context.print(`tables: ${out}`);
}

/** How far different ways of replacing a unit agree. */
function methodLines({ pairs, layers }: NonNullable<CompareRunsResult["methods"]>): string[] {
  const header = ["layer", "replaced by", "r of max class drops", "rank r", "same class", "effects", "of both"];
  const rows = pairs.map((pair) => [
    pair.layer,
    pair.methods.join(" and "),
    decimal(pair.maxClassPearson),
    decimal(pair.maxClassSpearman),
    percent(pair.sameClass),
    pair.effects.join(" and "),
    String(pair.both),
  ]);
  return [
    "",
    "one network, units replaced by different things; effects real at 5 % false discoveries",
    ...formatTable([header, ...rows], { right: [2, 3, 4, 5, 6] }),
    ...layers.map(
      ({ layer, methods, surviving }) => `${layer}: ${surviving} effects survive all of ${methods.join(", ")}`,
    ),
  ];
}

/** The first run's units in the other networks. */
function matchLines(matches: NonNullable<CompareRunsResult["matches"]>): string[] {
  const header = [
    "layer",
    "with",
    "median r",
    "by chance",
    "by class alone",
    "r of max class drops",
    "p",
    "same class",
    "by chance",
    "p",
  ];
  const rows = matches.map((each) => [
    each.layer,
    each.other,
    decimal(each.medianCorrelation),
    decimal(each.shuffledMedian),
    decimal(each.withinClassesMedian),
    decimal(each.maxClassPearson),
    each.pValue.toPrecision(1),
    percent(each.sameClass),
    percent(each.sameClassByChance),
    each.sameClassPValue.toPrecision(1),
  ]);
  return [
    "",
    `units of ${matches[0]?.run ?? "the first run"}, each with one of another network, by the correlation of their responses`,
    ...formatTable([header, ...rows], { right: [2, 3, 4, 5, 6, 7, 8, 9] }),
  ];
}

function decimal(value: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(2).replace("-", "−");
}

function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${(100 * share).toFixed(0)} %`;
}

function pointsOrNone(fraction: number): string {
  return Number.isNaN(fraction) ? "-" : points(fraction);
}

function count(value: number): string {
  return value < 0 ? "-" : withCommas(value, 1);
}

/** A label holds no `=`, a path may. */
function addName(text: string, names: Map<string, string> = new Map()): Map<string, string> {
  const at = text.lastIndexOf("=");
  const [path, label] = [text.slice(0, at), text.slice(at + 1).trim()];
  if (at < 1 || label === "") throw new InvalidArgumentError("expected RUN=LABEL.");
  return new Map([...names, [path, label]]);
}
