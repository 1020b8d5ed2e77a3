/** A claim of the paper beside what was measured. Everything in it can be written as JSON. */
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { heldOf, type Judged, type Verdict, verdictOf } from "./judgement.ts";
import { type ClaimId, type Rule, ruleOf } from "./rules.ts";

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
export interface Claim extends Rule {
  /** The number that the verdict hangs on most, in words. */
  readonly headline: string;
  readonly findings: readonly Finding[];
  /** What the intervals are. */
  readonly intervals: string;
  /** What came out of every statement, place by place. */
  readonly judged: readonly Judged[];
  readonly verdict: Verdict;
  /** How many statements hold, are weaker, against or open. */
  readonly held: string;
  /** What stands behind the verdict. */
  readonly why: string;
  readonly pictures: readonly Picture[];
  /** File names in the tables folder. */
  readonly tables: readonly string[];
}

/** Puts a claim together: its rule, what came out, the verdict, and where each statement did not hold. */
export function claim(
  id: ClaimId,
  found: Pick<Claim, "headline" | "findings" | "intervals" | "judged" | "pictures" | "tables"> & { why?: string },
): Claim {
  const { judged, why = "" } = found;
  return {
    ...ruleOf(id),
    ...found,
    id,
    verdict: verdictOf(judged),
    held: heldOf(judged),
    why: [...otherwise(judged), why].filter((sentence) => sentence !== "").join(" "),
  };
}

/** Names what did not hold. */
function otherwise(judged: readonly Judged[]): string[] {
  const words = { against: "Against", weaker: "Weaker", open: "Open", unasked: "Not asked" } as const;
  return (Object.keys(words) as (keyof typeof words)[]).flatMap((outcome) => {
    const places = judged
      .filter((each) => each.outcome === outcome)
      .map(({ place, statement }) => (statement === "" ? place : `${place} (${statement})`));
    return places.length === 0 ? [] : [`${words[outcome]}: ${listed(places)}.`];
  });
}

/** A finding with its interval. */
export function finding(row: string, column: string, unit: FindingUnit, { value, low, high }: Estimate): Finding {
  return { row, column, unit, value, low: known(low), high: known(high) };
}

/** A finding without an interval. */
export function count(row: string, column: string, unit: FindingUnit, value: number): Finding {
  return { row, column, unit, value, low: null, high: null };
}

/** `1.23` points of a fraction. */
export function points(fraction: number, digits: number = 2): string {
  return (100 * fraction).toFixed(digits);
}

/** `0.08 points (0.05 to 0.11)`; `82.4 % (80.1 to 84.9)` with `%`; the value alone where there is no interval. */
export function inWords({ value, low, high }: Estimate, unit: "points" | "%" = "points"): string {
  const digits = unit === "%" ? 1 : 2;
  const show = (fraction: number): string => points(fraction, digits).replace("-", "−");
  const end = (fraction: number, more: number = 0): string => {
    const text = points(fraction, digits + more);
    return Number(text) === 0 && fraction !== 0 && more < 2 ? end(fraction, more + 1) : text.replace("-", "−");
  };
  if (Number.isNaN(value)) return "nothing measured";
  if (Number.isNaN(low)) return `${show(value)} ${unit}`;
  return `${show(value)} ${unit} (${end(low)} to ${end(high)})`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The table of class drops beside the page: those that survive false-discovery control where there are many classes. */
export function dropsTable(classCount: number): string {
  return classCount > 20 ? "drops-surviving.csv" : "drops.csv";
}
