/** A claim of the paper beside what was measured. Everything in it can be written as JSON. */
import type { Estimate } from "../../stats/nested-bootstrap.ts";

/** Whether what the paper claims was found: wherever the rule looks, in at least half of it, or not. */
export type Verdict = "same" | "in part" | "not the same";

/** What a number counts: `points` and `percent` are fractions (0.01 is one point), shown times 100. */
export type FindingUnit = "points" | "percent" | "number" | "probability";

/** One measured number: a cell of the claim's table. */
export interface Finding {
  /** What was looked at: a layer, a variant. */
  readonly row: string;
  /** What was measured there. */
  readonly column: string;
  readonly unit: FindingUnit;
  readonly value: number;
  /** Ends of the interval; `null` where there is none. */
  readonly low: number | null;
  readonly high: number | null;
}

/** A picture on the page, by its file name in the figures folder. */
export interface Picture {
  readonly file: string;
  /** What it shows, for those who do not see it. */
  readonly shows: string;
}

/** A claim with its verdict. */
export interface Claim {
  readonly id: string;
  readonly title: string;
  /** Where the paper makes it. */
  readonly where: string;
  /** What the paper says, in our words. */
  readonly paper: string;
  /** What must hold of our numbers for `same`, and for `in part`. */
  readonly rule: string;
  /** The number that the verdict hangs on most, in words. */
  readonly headline: string;
  readonly findings: readonly Finding[];
  /** What the intervals are. */
  readonly intervals: string;
  readonly verdict: Verdict;
  /** How many of the places or statements that the rule speaks of hold. */
  readonly held: string;
  /** What stands behind the verdict. */
  readonly why: string;
  readonly pictures: readonly Picture[];
  /** File names in the tables folder. */
  readonly tables: readonly string[];
}

/** A finding with its interval. */
export function finding(row: string, column: string, unit: FindingUnit, { value, low, high }: Estimate): Finding {
  return { row, column, unit, value, low: known(low), high: known(high) };
}

/** A finding without an interval. */
export function count(row: string, column: string, unit: FindingUnit, value: number): Finding {
  return { row, column, unit, value, low: null, high: null };
}

/** `same` if all hold, `in part` if at least half do. */
export function verdictOf(holds: readonly boolean[]): Verdict {
  const held = holds.filter(Boolean).length;
  if (holds.length > 0 && held === holds.length) return "same";
  return held > 0 && held >= holds.length / 2 ? "in part" : "not the same";
}

/** `7 of 9`. */
export function heldOf(holds: readonly boolean[]): string {
  return `${holds.filter(Boolean).length} of ${holds.length}`;
}

/** `1.23` points of a fraction. */
export function points(fraction: number, digits: number = 2): string {
  return (100 * fraction).toFixed(digits);
}

/** `0.08 points (0.05 to 0.11)`; `82.4 % (80.1 to 84.9)` with `%`. */
export function inWords({ value, low, high }: Estimate, unit: "points" | "%" = "points"): string {
  const digits = unit === "%" ? 1 : 2;
  const show = (fraction: number): string => points(fraction, digits).replace("-", "−");
  if (Number.isNaN(value)) return "nothing measured";
  return `${show(value)} ${unit} (${show(low)} to ${show(high)})`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
