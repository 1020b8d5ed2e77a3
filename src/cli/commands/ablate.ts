/** `unitscope ablate`: removes every unit of some layers in turn and says which classes suffer. */
import { Command, Option } from "commander";
import { ablationMethods } from "../../ablation/ablation-methods.ts";
import type { AblateRunOptions } from "../../commands/ablate-run.ts";
import type { AblateRunResult } from "../../commands/write-ablation.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { describeLayer, describePartialLayer, leaderLines, reachedLines, resultJson } from "../describe-ablation.ts";
import { describeLabels } from "../describe-labels.ts";
import { count, fraction, list, positive, seconds, wholeNumber } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";
import { providerOption } from "../provider-option.ts";
import { isQueued, onQueue, type QueueOptions } from "../queue-options.ts";
import { withSource } from "../source-options.ts";

type Options = Omit<AblateRunOptions, "layers" | "continuous"> & { layers?: string[]; countsOnly?: boolean };

/** The options of the command line as the command takes them. */
export function ablateOptions({ countsOnly, ...options }: Options): AblateRunOptions {
  return { ...options, continuous: !countsOnly };
}

/** The command `ablate`. */
export function ablateCommand(context: CliContext): Command {
  const command = new Command("ablate")
    .description("remove every unit of a layer in turn and measure what happens to every class")
    .argument("<model>", "ONNX file")
    .argument("<data>", "name:split, folder, list file, .parquet or .npz")
    .addOption(
      new Option("--layer, --layers <names>", "layers, separated by commas; every convolution by default").argParser(
        list,
      ),
    )
    .addOption(
      new Option("--all", "every layer but the logits: blocks, concatenations and products too").conflicts("layers"),
    )
    .option("--out <folder>", "the run folder", "runs/ablation")
    .addOption(
      new Option(
        "--method <method>",
        "what replaces a unit: 0, its mean, 0 in its weights alone, responses of other images, the constant that changes predictions least",
      )
        .choices(ablationMethods)
        .default("zero"),
    )
    .option("--draws <count>", "of resample: other images whose responses take an image's place (3)", count)
    .addOption(
      new Option("--engine <engine>", "plain: the whole network for every unit")
        .choices(["auto", "plain"])
        .default("auto"),
    )
    .option("--counts-only", "no mean changes of log-probability and margin; pairs that cannot flip are then skipped")
    .addOption(new Option("--continuous", "the default").conflicts("countsOnly").hideHelp())
    .option(
      "--verify <fraction>",
      "repeat this fraction of the pairs the plain way and stop at a difference with exit code 1; a small sample by default",
      fraction,
    );
  return withSource(command)
    .option(
      "--until <points>",
      "leave a unit out once its overall and all its class drops are known to plus or minus so many points",
      positive,
    )
    .option(
      "--budget <time>",
      "end after 90s, 10m or 1h30m with what was reached; without it, the run goes on",
      seconds,
    )
    .option("--seed <seed>", "which pairs --verify repeats, and what resample draws", wholeNumber)
    .option("--workers <count>", "worker threads; one a core by default", count)
    .addOption(providerOption())
    .action(async (model: string, data: string, { queue, shards, ...options }: Options & QueueOptions) => {
      await (await import("../../runtime/open-model.ts")).requireModelFile(model); // a mistyped path is answered at once
      if (isQueued({ queue, shards })) {
        const { planAblation } = await import("../../shards/plan-run.ts");
        await onQueue(
          context,
          { queue, shards, workers: options.workers },
          (cut, effects) => planAblation(model, data, { ...ablateOptions(options), ...cut }, effects),
          (results) => {
            for (const { kind, result } of results) if (kind === "ablate") showAblation(context, result);
          },
        );
        return;
      }
      const { label } = options;
      if (label !== undefined && /,|^all$/.test(label)) {
        await ablateEach(context, model, data, { ...ablateOptions(options), label });
        return;
      }
      const { runAblate } = await import("../../commands/ablate-run.ts");
      const fetching = showDataProgress(context);
      let shown: ReturnType<CliContext["progress"]> | undefined;
      try {
        fetching.progress({ title: "opening network and images", done: 0, total: undefined, unit: "" });
        const result = await runAblate(model, data, ablateOptions(options), {
          fetching: fetching.progress,
          caution: (text) => {
            fetching.finish();
            context.note(`caution: ${text}`);
          },
          progress: (done, total) => {
            fetching.finish();
            shown ??= context.progress("ablating", total, "pairs");
            shown.update(done);
          },
          leaders: (leaders, images) => shown?.below(leaderLines(leaders, images)),
          signal: context.signal,
        });
        shown?.finish();
        showAblation(context, result);
      } finally {
        fetching.finish();
        shown?.finish();
      }
    });
}

/** Ablates for several labels, with one progress, and prints a line for each. */
async function ablateEach(
  context: CliContext,
  model: string,
  data: string,
  options: AblateRunOptions & { label: string },
): Promise<void> {
  const { ablateLabels } = await import("../../commands/ablate-labels.ts");
  const fetching = showDataProgress(context);
  let shown: ReturnType<CliContext["progress"]> | undefined;
  try {
    fetching.progress({ title: "opening network and images", done: 0, total: undefined, unit: "" });
    const { path, table, rows, labelCount, elapsedMs } = await ablateLabels(model, data, options, {
      fetching: (part) => (shown ? undefined : fetching.progress(part)),
      caution: (text) => {
        fetching.finish();
        context.note(`caution: ${text}`);
      },
      progress: (share, label) => {
        fetching.finish();
        shown ??= context.progress("ablating", 100, "%");
        shown.update(100 * share, label);
      },
      signal: context.signal,
    });
    shown?.finish();
    if (context.json) context.print(JSON.stringify({ run: path, labels: rows, elapsedMs }));
    else {
      for (const line of describeLabels({ rows })) context.print(line);
      const more = labelCount > rows.length ? ` (${labelCount} labels, those of earlier commands too)` : "";
      context.print(`table: ${table}${more}`);
      context.print(`runs: ${path}/LABEL, each as any other run (${duration(elapsedMs / 1000)})`);
    }
  } finally {
    fetching.finish();
    shown?.finish();
  }
}

/** Prints what an ablation found. */
export function showAblation(context: CliContext, result: AblateRunResult): void {
  const { run, subject, verified, kept } = result;
  if (context.json) context.print(JSON.stringify(resultJson(result)));
  else {
    const { images, model } = subject;
    const right = (100 * result.accuracy).toFixed(2);
    const measured = withCommas(result.baselineImages);
    context.print(`${model.name} on ${images.name}: ${right} % of ${measured} images right`);
    for (const { name } of result.layers) {
      const describe = result.reached && !kept.includes(name) ? describePartialLayer : describeLayer;
      for (const line of describe(result, name)) context.print(line);
    }
    if (result.reached) for (const line of reachedLines(result.reached, kept)) context.print(line);
    if (verified > 0) {
      const pairs = withCommas(verified);
      context.print(`verified: ${pairs} (unit, image) pairs repeated the plain way, 0 different`);
    }
    context.print(`figure: ${result.figure}`);
    context.print(`run: ${run.path} (${duration(result.elapsedMs / 1000)})`);
    if (!result.reached) context.note(`what the units respond to: unitscope attributes ${run.path}`);
  }
}
