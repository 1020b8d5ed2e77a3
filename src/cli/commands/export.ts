/** `unitscope export RUN [--format csv|json]`: every table of a run as text. */
import { Command, Option } from "commander";
import type { ExportFormat } from "../../runs/export.ts";
import type { CliContext } from "../context.ts";

/** The command; prints the path of every file that it wrote. */
export function exportCommand(context: CliContext): Command {
  return new Command("export")
    .summary("write every table of a run as CSV or JSON")
    .description(
      "Write every table of a run as text into RUN/export/. CSV: the header is the column names, a missing value is " +
        "an empty field. JSON: an array with one object a row, a missing value is null. Numbers keep full precision.",
    )
    .argument("<run>", "run folder")
    .addOption(new Option("--format <format>", "text format").choices(["csv", "json"]).default("csv"))
    .action(async (path: string, { format }: { format: ExportFormat }) => {
      const { exportRun } = await import("../../runs/export.ts");
      const { openRun } = await import("../../runs/run-folder.ts");
      const run = openRun(path, { isPartialFine: true });
      const progress = context.progress("exporting", run.tableNames().length, "tables");
      let done = 0;
      try {
        const files = await exportRun(run, format, { progress: ({ table }) => progress.update(++done, table) });
        if (context.json) context.print(JSON.stringify(files));
        else for (const file of files) context.print(file.path);
      } finally {
        progress.finish();
      }
    });
}
