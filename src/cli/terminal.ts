/** The context of a terminal: results on stdout, messages and progress on stderr, Ctrl-C as an abort signal. */
import type { CliContext, Progress } from "./context.ts";
import { flagsFor } from "./option-flags.ts";
import { openProgress, type ProgressStream } from "./progress-display.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Where one run of the command line writes, and what stops it. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The context of a terminal. @param failed told that a check of a command failed. */
export function terminalContext(
  { stdout, stderr, signal }: Terminal,
  { options, failed }: { options: GlobalOptions; failed: () => void },
): CliContext {
  return {
    print: (line) => void stdout.write(`${line}\n`),
    note: (line) => {
      if (!options.quiet) stderr.write(`${flagsFor(line)}\n`);
    },
    progress: (title, total, unit) => (options.quiet ? silent : openProgress({ title, total, unit, stream: stderr })),
    failed,
    signal,
    json: options.json,
  };
}

const silent: Progress = { update: () => {}, below: () => {}, finish: () => {} };
