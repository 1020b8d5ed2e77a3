/** `unitscope predict RUN RUN… --train N`: can a unit's attributes tell the class that it matters most for? */
import { Command, Option } from "commander";
import type { PredictRunsOptions, PredictRunsResult } from "../../commands/predict-runs.ts";
import { attributeLabel } from "../../figures/attribute-label.ts";
import { doubles, integers, type Table, texts } from "../../tables/table.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";
import { count, list, wholeNumber } from "../option-parsers.ts";

/** The command `predict`. */
export function predictCommand(context: CliContext): Command {
  return new Command("predict")
    .description("predict the class that a unit matters most for from its attributes, across networks: table 1")
    .argument("<runs...>", "run folders of different networks, with attributes and concepts")
    .requiredOption("--train <count>", "networks to train on; the rest are tested on, for all choices", wholeNumber)
    .addOption(
      new Option(
        "--layer, --layers <names>",
        "layers, separated by commas, each predicted for itself; all that every run has by default",
      ).argParser(list),
    )
    .addOption(
      new Option("--units <which>", "units that hurt some class, or only those with q ≤ 0.05")
        .choices(["harmful", "significant"])
        .default("harmful"),
    )
    .option("--seed <seed>", "seed of folds, resamples and shuffles", wholeNumber, 0)
    .option("--workers <count>", "worker threads; one a core by default", count)
    .option("--out <folder>", "folder for the figure and tables", "runs/predict")
    .action(async (paths: string[], options: PredictRunsOptions) => {
      const { averagesOf, runPrediction } = await import("../../commands/predict-runs.ts");
      let shown: ReturnType<CliContext["progress"]> | undefined;
      try {
        const result = await runPrediction(paths, options, {
          progress: (done, total, note) => {
            shown ??= context.progress("predicting", total, "regressions");
            shown.update(done, note);
          },
          signal: context.signal,
        });
        shown?.finish();
        show(context, result, { train: options.train, averages: rowsOf(averagesOf(result.predictions)) });
      } finally {
        shown?.finish();
      }
    });
}

function show(
  context: CliContext,
  result: PredictRunsResult,
  { train, averages }: { train: number; averages: ReturnType<typeof rowsOf> },
): void {
  const { out, networks, predictions, cautions, figure } = result;
  for (const caution of cautions) context.note(`note: ${caution}`);
  if (context.json) {
    context.print(JSON.stringify({ out, networks, averages, splits: rowsOf(predictions), cautions, figure }));
    return;
  }
  networks.forEach(({ run, model }, at) => {
    context.print(`network ${at}: ${model} (${run})`);
  });
  const choices = new Set(texts(predictions, "split")).size - 1;
  context.print(
    `trained on ${train}, tested on ${networks.length - train}; mean over ${choices} choice${choices === 1 ? "" : "s"}; in %, with 95 % intervals`,
  );
  const header = ["layer", "attribute", "units", "accuracy", "interval", "chance", "majority", "p"];
  const rows = averages.map((each) => [
    each.layer,
    attributeLabel(each.attribute),
    String(each.units),
    percent(each.accuracy),
    `${percent(each.low)} to ${percent(each.high)}`,
    percent(each.chance),
    percent(each.majority),
    each.pValue < 0.001 ? each.pValue.toExponential(1) : each.pValue.toFixed(3),
  ]);
  for (const line of formatTable([header, ...rows], { right: [2, 3, 4, 5, 6, 7] })) context.print(line);
  context.print(`figure: ${figure}`);
  context.print(`tables: ${out}`);
}

function rowsOf(predictions: Table) {
  const [layer, attribute, split] = ["layer", "attribute", "split"].map((name) => texts(predictions, name)) as [
    readonly string[],
    readonly string[],
    readonly string[],
  ];
  const units = integers(predictions, "units");
  const value = (name: string, row: number): number => doubles(predictions, name)[row];
  return Array.from({ length: predictions.rows }, (_, row) => ({
    layer: layer[row],
    attribute: attribute[row],
    split: split[row],
    units: units[row],
    accuracy: value("accuracy", row),
    low: value("accuracy_low", row),
    high: value("accuracy_high", row),
    chance: value("chance", row),
    majority: value("majority", row),
    pValue: value("p_value", row),
  }));
}

function percent(fraction: number): string {
  return (100 * fraction).toFixed(1);
}
