/** `--data PATH` of every command that opens a run's images again: where they are now. */
import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import { showDataProgress } from "./data-progress.ts";

/** Adds the option; the run remembers the place before the command begins. */
export function withRelocation(command: Command, context: CliContext): Command {
  return command
    .option("--data <data>", "where the run's images are now, if they have moved; the run remembers it")
    .option("--root <folder>", "with --data: the folder that a list file's paths start from")
    .hook("preAction", async (_, acting) => {
      const { data, root } = acting.opts<{ data?: string; root?: string }>();
      acting.setOptionValue("data", undefined).setOptionValue("root", undefined); // the command itself knows neither
      if (data === undefined) return;
      const { relocateRun } = await import("../commands/relocate-run.ts");
      const display = showDataProgress(context);
      try {
        await relocateRun(acting.args[0] ?? "", { data, root }, { fetching: display.progress, signal: context.signal });
      } finally {
        display.finish();
      }
    });
}
