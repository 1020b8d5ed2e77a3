/** `unitscope reproduce`: the whole paper on images of ten or a hundred classes, every figure and table, and a page about its claims. */
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import type { Reproduction } from "../../reproduction/reproduce.ts";
import { type StudyId, studies, studyIds } from "../../reproduction/studies.ts";
import type { CliContext, Progress } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { formatTable } from "../format-table.ts";
import { count, list, wholeNumber } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";

interface Options {
  readonly out?: string;
  readonly work?: string;
  readonly models?: string;
  readonly study: StudyId;
  readonly beside?: readonly string[];
  readonly limit?: number;
  readonly workers?: number;
}

/** The networks that come with the package. */
const shippedModels = fileURLToPath(new URL("../../../models", import.meta.url));

/** The command `reproduce`. */
export function reproduceCommand(context: CliContext): Command {
  return new Command("reproduce")
    .summary("the whole paper on our networks: every figure and table, claim by claim")
    .description(
      "Repeat every experiment of the paper on CIFAR-10 or on 100 classes of Tiny-ImageNet, with networks that this " +
        "project trained, draw its figures and tables, and write a page that puts each of its claims beside what was measured. Continues where an " +
        "earlier call stopped.",
    )
    .addOption(
      new Option("--study <name>", "the images and the networks that were trained on them")
        .choices(studyIds)
        .default("cifar10"),
    )
    .addOption(
      new Option(
        "--beside <files>",
        "claims.json of other studies' pages, separated by commas; a column each",
      ).argParser(list),
    )
    .option("--out <page>", "the page, a .md file; figures and tables go beside it (default: paper.md in --work)")
    .option("--work <folder>", "folder for the runs (default: runs/reproduce, or runs/STUDY of another study)")
    .option("--models <folder>", "folder of the trained networks (default: those of the package)")
    .addOption(
      new Option("--limit <images>", "a quick look: the first so many images of every class").argParser(wholeNumber),
    )
    .addOption(new Option("--workers <count>", "worker threads; one a core by default").argParser(count))
    .action(async ({ study, beside, out, work, models = shippedModels, limit, workers }: Options) => {
      const { reproducePaper } = await import("../../reproduction/reproduce.ts");
      const stem = study === "cifar10" ? "runs/reproduce" : `runs/${study}`;
      const folder = work ?? (limit === undefined ? stem : `${stem}-${limit}`);
      const fetching = showDataProgress(context);
      let shown: { part: string; display: Progress } | undefined;
      let step = { place: "", name: "" };
      const finish = (): void => {
        fetching.finish();
        shown?.display.finish();
        shown = undefined;
      };
      try {
        const result = await reproducePaper(
          { study: studies[study], beside, models, work: folder, out: out ?? `${folder}/paper.md`, limit, workers },
          {
            fetching: fetching.progress,
            signal: context.signal,
            step: ({ title: name, at, of, isDone }) => {
              finish();
              step = { place: `${at + 1}/${of}`, name };
              context.note(`${step.place} ${name}${isDone ? ": done before" : ""}`);
            },
            progress: ({ title: part, done, total, unit }) => {
              if (shown?.part !== part) {
                finish();
                shown = { part, display: context.progress(`${step.place} ${part || step.name}`, total, unit) };
              }
              shown.display.update(done);
            },
          },
        );
        finish();
        show(context, result);
      } finally {
        finish();
      }
    });
}

function show(context: CliContext, { page, folder, claims, elapsedMs }: Reproduction): void {
  if (context.json) {
    context.print(JSON.stringify({ page, folder, elapsedMs, claims }));
    return;
  }
  const rows = claims.map(({ title, where, verdict }) => [title, where, verdict]);
  for (const line of formatTable([["claim", "paper", "here"], ...rows])) context.print(line);
  context.print(`page: ${page} (${duration(elapsedMs / 1000)} of measuring)`);
  context.print(`figures and tables: ${folder}`);
}
