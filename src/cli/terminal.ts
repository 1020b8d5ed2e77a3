/** The context of a real terminal: results on stdout, messages and progress on stderr, Ctrl-C as an abort signal. */
import type { CliContext, Progress } from "./context.ts";
import { interruption } from "./interrupt.ts";
import { openProgress } from "./progress-display.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly quiet: boolean;
  readonly json: boolean;
}

/** The context of this process. The first Ctrl-C asks the work to stop; a second one ends the process. */
export function terminalContext(options: () => GlobalOptions): CliContext {
  // A reader that has seen enough (`| head`) closes the pipe; that is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    print: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => {
      if (!options().quiet) process.stderr.write(`${line}\n`);
    },
    progress: (title, total, unit) =>
      options().quiet ? silent : openProgress({ title, total, unit, stream: process.stderr }),
    signal: interruption,
    get json() {
      return options().json;
    },
  };
}

const silent: Progress = { update: () => {}, below: () => {}, finish: () => {} };
