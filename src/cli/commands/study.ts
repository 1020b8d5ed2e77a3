/** `unitscope study MODEL DATA`: everything in order, then the page to explore it. */
import { pathToFileURL } from "node:url";
import { Command, Option } from "commander";
import type { StudyOptions, StudyResult } from "../../commands/study.ts";
import type { CliContext, Progress } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { count, list } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";
import { withSource } from "../source-options.ts";

type Options = Omit<StudyOptions, "layers" | "concepts"> & { layers?: string[]; concepts: string[] | false };

/** The sentences of a study that are printed; the page has all. */
const printed = 3;

/** The command `study`. */
export function studyCommand(context: CliContext): Command {
  const command = new Command("study")
    .summary("everything about a network in order, then the page to explore it")
    .description(
      "Study a network: remove every unit of its last convolution, describe the units, name their concepts, find the " +
        "sets of units that classes depend on, compare units with random directions, draw the figures, and write a page " +
        "to explore it all. Continues where an earlier call stopped.",
    )
    .argument("<model>", "ONNX file")
    .argument("<data>", "name:split, folder, list file, .parquet or .npz")
    .option("--quick", "a first look: fewer sequences and nulls, up to 10,000 images, about a minute")
    .addOption(
      new Option("--layer, --layers <names>", "layers, separated by commas; the last convolution by default").argParser(
        list,
      ),
    )
    .addOption(
      new Option("--all", "every layer but the logits: blocks, concatenations and products too").conflicts("layers"),
    )
    .addOption(
      new Option(
        "--concepts <sets>",
        "folders with segmented images, builtin (builtin:N for N images) or colors, separated by commas",
      )
        .argParser(list)
        .default(["builtin"], "builtin"),
    )
    .option("--no-concepts", "leave the concepts out")
    .option("--out <folder>", "the run folder", "runs/study");
  return withSource(command)
    .addOption(new Option("--workers <count>", "worker threads; one a core by default").argParser(count))
    .action(async (model: string, data: string, options: Options) => {
      await (await import("../../runtime/open-model.ts")).requireModelFile(model); // a mistyped path is answered at once
      const { study } = await import("../../commands/study.ts");
      const fetching = showDataProgress(context);
      let shown: Progress | undefined;
      const finish = (): void => {
        fetching.finish();
        shown?.finish();
        shown = undefined;
      };
      try {
        const result = await study(
          model,
          data,
          { ...options, concepts: options.concepts || [] },
          {
            fetching: fetching.progress,
            progress: (share, what) => {
              fetching.finish();
              shown ??= context.progress("study", 100, "%");
              shown.update(100 * share, what);
            },
            warn: (message) => context.note(`caution: ${message}`),
            signal: context.signal,
          },
        );
        finish();
        show(context, result);
      } finally {
        finish();
      }
    });
}

function show(context: CliContext, { run, page, findings, elapsedMs }: StudyResult): void {
  if (context.json) {
    context.print(JSON.stringify({ run: run.path, page, findings, elapsedMs }));
    return;
  }
  for (const { text } of findings.slice(0, printed)) context.print(text);
  context.print("");
  context.print(`page: ${page} (${duration(elapsedMs / 1000)})`);
  context.print(`open it by double click, as ${pathToFileURL(page).href}, or with: unitscope view ${run.path}`);
}
