/** `unitscope reproduce`: the whole paper on CIFAR-10, every figure and table, and a page about its claims. */
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import type { Reproduction } from "../../reproduction/reproduce.ts";
import type { CliContext, Progress } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { formatTable } from "../format-table.ts";
import { wholeNumber } from "../option-parsers.ts";
import { duration } from "../terminal.ts";

interface Options {
  readonly out?: string;
  readonly work?: string;
  readonly models?: string;
  readonly limit?: number;
  readonly workers?: number;
}

/** The networks that come with the package. */
const shippedModels = fileURLToPath(new URL("../../../models", import.meta.url));

/** The command `reproduce`. */
export function reproduceCommand(context: CliContext): Command {
  return new Command("reproduce")
    .summary("the whole paper on CIFAR-10: every figure and table, claim by claim")
    .description(
      "Repeat every experiment of the paper on CIFAR-10 with the networks that come with unitscope, draw its figures " +
        "and tables, and write a page that puts each of its claims beside what was measured. Continues where an " +
        "earlier call stopped.",
    )
    .option("--out <page>", "the page, a .md file; figures and tables go beside it (default: paper.md in --work)")
    .option("--work <folder>", "folder for the runs (default: runs/reproduce)")
    .option("--models <folder>", "folder of the trained networks (default: those of the package)")
    .addOption(
      new Option("--limit <images>", "a quick look: the first so many images of every class").argParser(wholeNumber),
    )
    .addOption(new Option("--workers <count>", "worker threads; one a core by default").argParser(wholeNumber))
    .action(async ({ out, work, models = shippedModels, limit, workers }: Options) => {
      const { reproducePaper } = await import("../../reproduction/reproduce.ts");
      const folder = work ?? (limit === undefined ? "runs/reproduce" : `runs/reproduce-${limit}`);
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
          { models, work: folder, out: out ?? `${folder}/paper.md`, limit, workers },
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
