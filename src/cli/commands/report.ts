/** `unitscope report RUN [RUN…]`: one folder with everything to see, which opens from disk. */
import { Command } from "commander";
import { requireRun } from "../../runs/find-run.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";

/** The command `report`; prints the file to open. */
export function reportCommand(context: CliContext): Command {
  return new Command("report")
    .description(
      "write a page to explore runs in: every unit, class and image, and units removed live. One folder that opens by double click, from any static host, without a network",
    )
    .argument("<runs...>", "run folders")
    .option("--out <folder>", "folder of the page (default: report in the first run)")
    .action(async (paths: string[], { out }: { out?: string }) => {
      for (const path of paths) requireRun(path);
      const { reportRuns } = await import("../../commands/report.ts");
      const fetching = showDataProgress(context);
      const shown = context.progress("report", undefined, "parts");
      try {
        const report = await reportRuns(
          paths,
          { out },
          {
            fetching: fetching.progress,
            progress: (done, _, what) => shown.update(done, what),
            lacking: (message) => context.note(message),
            signal: context.signal,
          },
        );
        shown.finish();
        if (context.json) context.print(JSON.stringify(report));
        else context.print(`page: ${report.index}`);
      } finally {
        fetching.finish();
        shown.finish();
      }
    });
}
