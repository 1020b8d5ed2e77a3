/** What a command may touch: the two streams, progress, and a signal that Ctrl-C sets. Tests pass their own. */

/** A long piece of work as the terminal shows it: a bar with rate and time left, a plain line now and then, or nothing. */
export interface Progress {
  /** Reports how much is done; the unit is what is counted (`images`, `pairs`), or `%` of everything. */
  update(done: number, note?: string): void;
  /** What a terminal shows below until it is replaced; of plain lines the first one. */
  below(lines: readonly string[]): void;
  finish(): void;
}

/** The outside world of one run of the command line. */
export interface CliContext {
  /** Writes a line of results to stdout. */
  print(line: string): void;
  /** Writes a line for people to stderr; nothing with `--quiet`. */
  note(line: string): void;
  /** Starts a progress display on stderr; `total` may be unknown. */
  progress(title: string, total: number | undefined, unit: string): Progress;
  /** Says that a check failed, though the command could do its work: exit code 1. */
  failed(): void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** `--json`: results as one JSON value on stdout. */
  readonly json: boolean;
}
