/** The context of a terminal: results on stdout, messages and progress on stderr, Ctrl-C as an abort signal. */
import type { CliContext, Progress } from "./context.ts";
import { flagsFor } from "./option-flags.ts";
import { openProgress, type ProgressStream, type Silence } from "./progress-display.ts";

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
  /** When the command began, as `performance.now()` counts; it then says something within a second. */
  readonly began?: number;
}

/** A context that speaks before its command does. */
export interface TerminalContext extends CliContext {
  /** Shows that a command begins, until the command itself shows or says something. */
  begin(title: string): void;
  /** Ends that, if the command has said nothing. */
  end(): void;
}

/** The context of a terminal. @param failed told that a check of a command failed. */
export function terminalContext(
  { stdout, stderr, signal, began }: Terminal,
  { options, failed }: { options: GlobalOptions; failed: () => void },
): TerminalContext {
  const silence: Silence = { since: began };
  let beginning: Progress | undefined;
  const progress: CliContext["progress"] = (title, total, unit) =>
    options.quiet ? silent : openProgress({ title, total, unit, stream: stderr, silence });
  const end = (): void => {
    beginning?.finish();
    beginning = undefined;
  };
  const speak = (): void => {
    end();
    silence.since = undefined;
  };
  return {
    begin: (title) => {
      if (began !== undefined) beginning = progress(title, undefined, "");
    },
    end,
    print: (line) => {
      speak();
      stdout.write(`${line}\n`);
    },
    note: (line) => {
      if (options.quiet) return;
      speak();
      stderr.write(`${flagsFor(line)}\n`);
    },
    progress: (...shown) => {
      end();
      return progress(...shown);
    },
    failed,
    signal,
    json: options.json,
  };
}

const silent: Progress = { update: () => {}, below: () => {}, finish: () => {} };
