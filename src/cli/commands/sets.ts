/** `unitscope sets RUN`: which units each class depends on, found by removing them together. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { LayerSets, SetsRunOptions, SetsRunResult } from "../../commands/measure-sets.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import { requireRun } from "../../runs/find-run.ts";
import { type SetStrategy, setStrategies } from "../../sets/set-strategies.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { formatTable } from "../format-table.ts";
import { count, fraction, list, wholeNumber } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";
import { providerOption } from "../provider-option.ts";
import { isQueued, onQueue, type QueueOptions } from "../queue-options.ts";

type Options = Omit<SetsRunOptions, "strategies" | "randomSequences"> & {
  strategy?: SetStrategy[];
  randomSequences?: number;
};

/** The options of the command line as the command takes them. */
export function setsOptions({ strategy, ...options }: Options): SetsRunOptions {
  return { ...options, strategies: strategy };
}

/** The command `sets`. */
export function setsCommand(context: CliContext): Command {
  return new Command("sets")
    .description(
      "remove units together: stepwise greedy sequences of every class, rankings, random sequences, keep-only",
    )
    .argument("<run>", "run folder")
    .addOption(
      new Option(
        "--layer, --layers <names>",
        "layers, separated by commas; the run's deepest convolution by default",
      ).argParser(list),
    )
    .addOption(
      new Option("--classes <names>", "classes by name or index, separated by commas; all by default").argParser(list),
    )
    .option("--size <units>", "units per sequence", wholeNumber, 20)
    .addOption(
      new Option(
        "--strategy <names>",
        `some of ${setStrategies.join(", ")}, separated by commas; all by default`,
      ).argParser(strategies),
    )
    .option(
      "--rank-split <fraction>",
      "share of every class that chooses the units, the rest measures; none: chosen and measured on the same images",
      rankSplit,
      0.5,
    )
    .option("--random-sequences <count>", "random sequences", wholeNumber, 100)
    .option("--seed <seed>", "seed of the split and the random sequences", wholeNumber, 1)
    .option(
      "--verify <fraction>",
      "repeat this fraction of the (set, image) pairs the plain way and stop at a difference with exit code 1; a small sample by default",
      fraction,
    )
    .addOption(
      new Option("--engine <engine>", "plain: the whole network for every set")
        .choices(["auto", "plain"])
        .default("auto"),
    )
    .option("--workers <count>", "worker threads; one a core by default", count)
    .addOption(providerOption())
    .action(async (path: string, { queue, shards, ...options }: Options & QueueOptions) => {
      requireRun(path);
      if (isQueued({ queue, shards })) {
        const { workers, ...shared } = options;
        const { planRun } = await import("../../shards/plan-run.ts");
        await onQueue(
          context,
          { queue, shards, workers },
          (cut, effects) => planRun(path, [{ kind: "sets", options: setsOptions(shared) }], cut, effects),
          (results) => {
            for (const { kind, result } of results) if (kind === "sets") showSets(context, result);
          },
        );
        return;
      }
      const { measureSets } = await import("../../commands/measure-sets.ts");
      const display = showDataProgress(context);
      try {
        const result = await measureSets(path, setsOptions(options), {
          fetching: display.progress,
          caution: (text) => context.note(`caution: ${text}`),
          progress: (done, total, note) => display.progress({ title: "unit sets", done, total, unit: "steps", note }),
          signal: context.signal,
        });
        display.finish();
        showSets(context, result);
      } finally {
        display.finish();
      }
    });
}

/** Prints what was found about sets; exit code 1 if a check failed. */
export function showSets(context: CliContext, result: SetsRunResult): void {
  const { run, subject, layers, rankSplit, elapsedMs } = result;
  const verified = layers.reduce((sum, { result }) => sum + result.verified, 0);
  if (context.json) context.print(JSON.stringify(setsJson(result)));
  else {
    context.print(`${subject.model.name} on ${subject.images.name}`);
    context.print(
      rankSplit === null
        ? "chosen and measured on the same images (--rank-split none, as the paper does): the curves are too low by what was chosen by luck"
        : `units chosen on ${(100 * rankSplit).toFixed(0)} % of every class, measured on the rest`,
    );
    for (const layer of layers) for (const line of describeLayer(layer)) context.print(line);
    if (verified > 0) {
      const pairs = withCommas(verified);
      context.print(`verified: ${pairs} (set, image) pairs repeated the plain way, 0 different`);
    }
    for (const { figure } of layers) context.print(`figure: ${figure}`);
    context.print(`run: ${run.path} (${duration(elapsedMs / 1000)})`);
  }
}

/** Accuracy along each strategy's mean curve; then which units the first steps of each class remove. */
function describeLayer({ layer, summaries, result, classes }: LayerSets): string[] {
  const size = Math.max(...summaries.map(({ accuracy }) => accuracy.length - 1), 0);
  const steps = [...new Set([0, 1, 2, 5, 10, 15, 20, size])].filter((step) => step <= size).sort((a, b) => a - b);
  const isRandom = (aucLow: number | null): aucLow is number => aucLow !== null;
  const rows = summaries.map(({ strategy, accuracy, auc, aucLow, aucHigh, othersDrop }) => [
    strategy,
    ...steps.map((step) => percent(accuracy[step])),
    auc.toFixed(3) + (isRandom(aucLow) && isRandom(aucHigh) ? ` (${aucLow.toFixed(3)} to ${aucHigh.toFixed(3)})` : ""),
    percent(othersDrop),
  ]);
  const header = ["strategy", ...steps.map((step) => `after ${step}`), "AUC", "drop of other classes"];
  const plainPairs = Object.values(result.work).reduce((sum, pairs) => sum + pairs, 0) - result.work.reference;
  return [
    "",
    `${layer.name}: accuracy of a class (%) as units are removed for it, mean over ${classes.length} classes; keep: as many kept`,
    ...formatTable([header, ...rows], { right: header.map((_, i) => i).slice(1) }).map((line) => `  ${line}`),
    ...keptLines(summaries, steps),
    ...(plainPairs > 0
      ? [
          `  search: ${withCommas(result.work.computed)} of ${withCommas(plainPairs)} (set, image) pairs had to be computed`,
        ]
      : []),
    "",
  ];
}

/** What a few kept units call their class, which their recall alone does not tell. */
function keptLines(summaries: LayerSets["summaries"], steps: readonly number[]): string[] {
  const kept = summaries.find(({ strategy }) => strategy === "keep");
  if (!kept) return [];
  const row = (name: string, values: readonly (number | null)[]): string[] => [
    name,
    ...steps.map((step) => percent(values[step] ?? undefined)),
  ];
  const header = ["only some units kept", ...steps.map((step) => `${step} kept`)];
  const rows = [
    row("recall", kept.accuracy),
    row("precision", kept.precision),
    row("false alarms among other classes", kept.falseAlarms),
  ];
  return [
    "",
    ...formatTable([header, ...rows], { right: header.map((_, i) => i).slice(1) }).map((line) => `  ${line}`),
  ];
}

function setsJson({ run, rankSplit, size, layers, elapsedMs }: SetsRunResult): Record<string, unknown> {
  return {
    run: run.path,
    rankSplit,
    size,
    layers: layers.map(({ layer, classes, result, summaries, figure }) => ({
      layer: layer.name,
      classes,
      strategies: summaries,
      sequences: result.curves
        .filter(({ strategy }) => strategy === "greedy")
        .map(({ cls, sequence }) => ({ class: cls, units: sequence.units })),
      work: result.work,
      verified: result.verified,
      timings: result.timings,
      figure,
    })),
    elapsedMs,
  };
}

function percent(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "-" : (100 * value).toFixed(1);
}

function strategies(text: string): SetStrategy[] {
  return list(text).map((name) => {
    const strategy = setStrategies.find((each) => each === name);
    if (strategy) return strategy;
    throw new InvalidArgumentError(`expected some of ${setStrategies.join(", ")}, separated by commas.`);
  });
}

function rankSplit(text: string): number | "none" {
  if (text === "none") return text;
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value < 1))
    throw new InvalidArgumentError("expected a number between 0 and 1, or none.");
  return value;
}
