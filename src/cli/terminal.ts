/** The context of a real terminal: results on stdout, messages and progress on stderr, Ctrl-C as an abort signal. */
import type { CliContext, Progress } from "./context.ts";
import { interruption } from "./interrupt.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Milliseconds between plain progress lines when stderr is not a terminal, and between redraws when it is. */
const PLAIN_EVERY = 10_000;
const REDRAW_EVERY = 100;

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
    progress: (title, total, unit) => (options().quiet ? silent : openProgress(title, total, unit)),
    signal: interruption,
    get json() {
      return options().json;
    },
  };
}

const silent: Progress = { update: () => {}, below: () => {}, finish: () => {} };

function openProgress(title: string, total: number | undefined, unit: string): Progress {
  const isTerminal = process.stderr.isTTY;
  const began = performance.now();
  let shown = began;
  let first: number | undefined;
  let last = "";
  let under: readonly string[] = [];
  const line = (done: number, note: string): string => {
    // What was there before this process (a resumed run) says nothing about the rate.
    const fresh = done - (first ?? 0);
    const seconds = (performance.now() - began) / 1000;
    const rate = seconds > 0 ? fresh / seconds : 0;
    if (unit === "%") {
      const left = done > 0 && done < 100 && rate > 0 ? [`${duration((100 - done) / rate)} left`] : [];
      return [title, `${Math.floor(done)} %`, ...left, note].filter((part) => part !== "").join("  ");
    }
    const parts = [title, total === undefined ? amount(done) : `${amount(done)} of ${amount(total)} ${unit}`];
    if (total !== undefined && total > 0) parts.push(`${Math.floor((100 * done) / total)} %`);
    if (rate > 0) parts.push(`${amount(rate)} ${unit}/s`);
    if (rate > 0 && total !== undefined && done < total) parts.push(`${duration((total - done) / rate)} left`);
    if (note) parts.push(note);
    return parts.join("  ");
  };
  return {
    update: (done, note = "") => {
      first ??= 0;
      const now = performance.now();
      last = line(done, note);
      if (now - shown < (isTerminal ? REDRAW_EVERY : PLAIN_EVERY)) return;
      shown = now;
      process.stderr.write(isTerminal ? redrawn([last, ...under]) : `${[last, ...under.slice(0, 1)].join("  ")}\n`);
    },
    below: (lines) => {
      under = lines;
    },
    finish: () => {
      if (isTerminal) process.stderr.write("\r\x1b[J");
    },
  };
}

/** Lines in place of those that were there; the cursor stays in the first. */
function redrawn(lines: readonly string[]): string {
  const width = (process.stderr.columns || 80) - 1;
  const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : "";
  return `\r\x1b[J${lines.map((each) => each.slice(0, width)).join("\n")}${up}\r`;
}

function amount(value: number): string {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

/** `1 h 5 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}
