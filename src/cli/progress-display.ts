/** Progress of a long piece of work, on a terminal or as plain lines: within a second, and every few seconds from then on. */

import { withCommas } from "../numeric/with-commas.ts";
import type { Progress } from "./context.ts";

/** Where it is shown. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Milliseconds between redraws on a terminal, and between plain lines elsewhere, the first of which comes earlier. */
const REDRAW_EVERY = 100;
const PLAIN_EVERY = 5_000;
const PLAIN_FIRST = 900;
/** Milliseconds that a command may take before it says its first word. */
const SILENT_AT_MOST = 700;
/** How often it is looked whether something is to be shown though nothing was reported. */
const TICK = 100;

/** Whether a command has said anything yet. */
export interface Silence {
  /** When the command began, in milliseconds, as long as it has said nothing. */
  since: number | undefined;
}

/**
 * Starts a display.
 *
 * The rate counts from the first report that says more than nothing: what was there before this process (a resumed run)
 * says nothing about it.
 */
export function openProgress({
  title,
  total,
  unit,
  stream,
  silence = { since: undefined },
  now = () => performance.now(),
}: {
  title: string;
  total: number | undefined;
  /** What is counted, `%` of everything, or nothing where nothing is. */
  unit: string;
  stream: ProgressStream;
  /** Of the command, which its first line ends. */
  silence?: Silence;
  /** Milliseconds. */
  now?: () => number;
}): Progress {
  const isTerminal = stream.isTTY === true;
  const began = now();
  let shown: number | undefined;
  let start: { readonly done: number; readonly at: number } | undefined;
  let last: { readonly done: number; readonly note: string } = { done: 0, note: "" };
  let under: readonly string[] = [];
  const line = ({ done, note }: typeof last): string => {
    const seconds = start ? (now() - start.at) / 1000 : 0;
    const rate = start && seconds > 0 ? (done - start.done) / seconds : 0;
    const left = rate > 0 && total !== undefined && done < total ? [`${duration((total - done) / rate)} left`] : [];
    const parts = [title];
    if (unit === "") return [title, note].filter((part) => part !== "").join("  ");
    if (unit === "%") parts.push(`${Math.floor(done)} %`, ...left);
    else {
      parts.push(total === undefined ? amount(done) : `${amount(done)} of ${amount(total)} ${unit}`);
      if (total !== undefined && total > 0) parts.push(`${Math.floor((100 * done) / total)} %`);
      if (rate > 0) parts.push(`${amount(rate)} ${unit}/s`);
      parts.push(...left);
    }
    return [...parts, note].filter((part) => part !== "").join("  ");
  };
  const show = (): void => {
    const lines = [line(last), ...under];
    shown = now();
    silence.since = undefined;
    stream.write(isTerminal ? redrawn(lines, stream.columns) : `${lines.slice(0, 2).join("  ")}\n`);
  };
  const isDue = (every: number): boolean => {
    if (silence.since !== undefined && now() - silence.since >= SILENT_AT_MOST) return true;
    return shown === undefined && !isTerminal ? now() - began >= PLAIN_FIRST : now() - (shown ?? 0) >= every;
  };
  const timer = setInterval(() => {
    if (isDue(isTerminal ? 1000 : PLAIN_EVERY)) show();
  }, TICK);
  timer.unref();
  return {
    update: (done, note = "") => {
      if (done > 0) start ??= { done, at: now() };
      last = { done, note };
      if (isDue(isTerminal ? REDRAW_EVERY : PLAIN_EVERY)) show();
    },
    below: (lines) => {
      under = lines;
    },
    finish: () => {
      clearInterval(timer);
      if (isTerminal && shown !== undefined) stream.write("\r\x1b[J");
    },
  };
}

/** Lines in place of those that were there; the cursor stays in the first. */
function redrawn(lines: readonly string[], columns: number | undefined): string {
  const width = (columns || 80) - 1;
  const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : "";
  return `\r\x1b[J${lines.map((each) => each.slice(0, width)).join("\n")}${up}\r`;
}

function amount(value: number): string {
  return value >= 100 || Number.isInteger(value) ? withCommas(Math.round(value)) : value.toFixed(1);
}

/** `1 h 5 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
