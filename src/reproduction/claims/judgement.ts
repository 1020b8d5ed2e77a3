/** From intervals to outcomes, and from outcomes to one of six words. `rule-changes.ts` says how they have changed. */
import type { Estimate } from "../../stats/nested-bootstrap.ts";

/** What is said of a claim of the paper. */
export type Verdict = "same" | "in part" | "weaker" | "contradicted" | "inconclusive" | "cannot be asked here";

/** What the measurement says of one statement at one place. */
export type Outcome = "holds" | "weaker" | "against" | "open" | "unasked";

/** One statement, where it was looked at, and what came out. */
export interface Judged {
  readonly place: string;
  readonly statement: string;
  readonly outcome: Outcome;
}

/** How verdicts come from outcomes, in words; the page prints it. */
export const verdictRules: readonly (readonly [Verdict, string])[] = [
  ["same", "every statement holds wherever it is asked"],
  [
    "weaker",
    "every statement points the paper's way, none is open, and at least one effect is clearly smaller than the paper's",
  ],
  [
    "in part",
    "at least half of the statements hold or are weaker, and these are more than those against; the counts beside the verdict say whether the others are against or open",
  ],
  [
    "contradicted",
    "at least half of the statements are decided against, and these are more than those that hold or are weaker",
  ],
  ["inconclusive", "anything else: too much is open. Lack of power is neither agreement nor contradiction"],
  ["cannot be asked here", "no statement can be asked of these networks and images"],
];

/** The verdict on a claim. */
export function verdictOf(judged: readonly Judged[]): Verdict {
  const asked = judged.filter(({ outcome }) => outcome !== "unasked");
  if (asked.length === 0) return "cannot be asked here";
  const count = (outcome: Outcome): number => asked.filter((each) => each.outcome === outcome).length;
  const agreeing = count("holds") + count("weaker");
  if (count("holds") === asked.length) return "same";
  if (agreeing === asked.length) return "weaker";
  const against = count("against");
  const isMost = (some: number, others: number): boolean => some > others && some >= asked.length / 2;
  if (isMost(agreeing, against)) return "in part";
  return isMost(against, agreeing) ? "contradicted" : "inconclusive";
}

/** An effect above 0: decided by an interval that leaves 0 out. */
export function isPositive({ low, high }: Estimate): Outcome {
  if (low > 0) return "holds";
  return high < 0 ? "against" : "open";
}

/** An effect below 0. */
export function isNegative({ value, low, high }: Estimate): Outcome {
  return isPositive({ value: -value, low: -high, high: -low });
}

/** No effect to speak of: an interval that lies within the margin; against if it lies beyond it on one side. */
export function isWithin({ low, high }: Estimate, margin: number): Outcome {
  if (low > -margin && high < margin) return "holds";
  return low > margin || high < -margin ? "against" : "open";
}

/** More than a bound, or less: decided by an interval that leaves the bound out. */
export function isAbove({ value, low, high }: Estimate, bound: number): Outcome {
  return isPositive({ value: value - bound, low: low - bound, high: high - bound });
}

/**
 * The size of a number that the paper gives: an interval from half of it up. Weaker if the interval lies between 0 and half
 * of it, against if it lies below 0, open if it does not tell these apart.
 */
export function isAsLarge({ low, high }: Estimate, paper: number): Outcome {
  if (high < 0) return "against";
  if (low > 0 && high < paper / 2) return "weaker";
  return low >= paper / 2 ? "holds" : "open";
}

/** All of several conditions: against if one is, else open if one is, else weaker if one is. */
export function allOf(outcomes: readonly Outcome[]): Outcome {
  for (const outcome of ["unasked", "against", "open", "weaker"] as const) {
    if (outcomes.includes(outcome)) return outcome;
  }
  return "holds";
}

/** `6 of 7 hold, 1 against`; `not asked`. */
export function heldOf(judged: readonly Judged[]): string {
  const asked = judged.filter(({ outcome }) => outcome !== "unasked");
  if (asked.length === 0) return "not asked";
  const count = (outcome: Outcome): number => asked.filter((each) => each.outcome === outcome).length;
  const others = (["weaker", "against", "open"] as const)
    .filter((outcome) => count(outcome) > 0)
    .map((outcome) => `${count(outcome)} ${outcome}`);
  return [`${count("holds")} of ${asked.length} hold`, ...others].join(", ");
}

/** How a verdict is written on the page, with a sign of its own. */
export const verdictMarks: Readonly<Record<Verdict, string>> = {
  same: "✔ same",
  "in part": "◐ in part",
  weaker: "▽ weaker",
  contradicted: "✘ contradicted",
  inconclusive: "? inconclusive",
  "cannot be asked here": "– cannot be asked here",
};
