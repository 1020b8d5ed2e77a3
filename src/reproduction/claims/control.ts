/**
 * Every claim asked again of networks that learned nothing: random convolutions under a trained head. What holds of them
 * too, and as strongly, is no evidence of anything that was learned (Adebayo et al., "Sanity checks for saliency maps",
 * 2018, ask the same of explanations).
 */
import { differenceInterval } from "../../stats/difference-interval.ts";
import { filterRows, type Table } from "../../tables/table.ts";
import { type Evidence, networksOf } from "../evidence.ts";
import { type Claim, type Finding, finding } from "./claim.ts";
import { controlMeasures } from "./control-measures.ts";
import { isNegative, isPositive, type Outcome, type Verdict } from "./judgement.ts";
import type { ClaimId } from "./rules.ts";

/** What a claim comes to without learning. */
export interface Control {
  /** The claim's own rules, with untrained networks in the place of those that it is about. */
  readonly verdict: Verdict;
  readonly held: string;
  /** How many untrained networks there are. */
  readonly networks: number;
  /** Whether trained networks show it more strongly: `holds`; less: `against`; not told apart: `open`; the one and the other. */
  readonly outcome: Outcome | "mixed";
  /** What was compared: trained, untrained, difference. */
  readonly findings: readonly Finding[];
}

/** A claim beside its control. */
export interface ControlledClaim extends Claim {
  /** `null` where it is not asked, or no network learned nothing. */
  readonly control: Control | null;
}

/** The rule, in words; the page prints it. */
export const controlRule =
  "Every claim but those about batch norm and dropout is asked again, by the same rules, of networks whose convolutions are random and only whose head was trained, at conv4 and conv5. Beside that verdict stands whether training makes a difference: a number at conv5 is *stronger with learning* if the interval of trained minus untrained lies on the side that the claim speaks of, *weaker with learning* if it lies on the other, else *not told apart*; with several numbers, all of them must agree (where some are stronger and others weaker, the page says so), and one untrained network alone tells nothing of its like. What holds without learning, and no stronger with it, says nothing about what networks learn. The control does not change a claim's own verdict.";

/** What the outcomes are called. */
export const controlWords: Readonly<Record<Control["outcome"], string>> = {
  holds: "stronger with learning",
  weaker: "stronger with learning",
  against: "weaker with learning",
  open: "not told apart",
  mixed: "stronger by one number, weaker by another",
  unasked: "not asked",
};

/** Claims about ways of training: what did not learn was not trained in any. */
const claimsAboutTraining: ReadonlySet<ClaimId> = new Set([
  "batch-norm",
  "dropout-conv5",
  "dropout-conv4",
  "detectors",
]);

/** Judges a claim's control; `null` where it is not asked, or without networks that learned nothing. */
export function controlOf(
  id: ClaimId,
  evidence: Evidence,
  judge: (evidence: Evidence) => Pick<Claim, "verdict" | "held">,
): Control | null {
  const standing = withoutLearning(id, evidence);
  if (!standing) return null;
  const { verdict, held } = judge(standing);
  const measured = (controlMeasures[id] ?? []).map(({ name, unit, direction, of }) => {
    const [trained, untrained] = [of(evidence), of(standing)];
    const difference = differenceInterval(trained, untrained);
    return {
      outcome: direction === "larger" ? isPositive(difference) : isNegative(difference),
      findings: [
        finding("trained", name, unit, trained),
        finding("learned nothing", name, unit, untrained),
        finding("difference", name, unit === "percent" ? "points" : unit, difference),
      ],
    };
  });
  const { length: networks } = standing.networks;
  const told = networks < 2 ? "open" : agreed(measured.map(({ outcome }) => outcome));
  return {
    verdict,
    held,
    networks,
    outcome: verdict === "cannot be asked here" ? "unasked" : told,
    findings: measured.flatMap(({ findings }) => findings).filter(({ value }) => Number.isFinite(value)),
  };
}

/** What all numbers of a claim say; open where they do not agree. */
function agreed(outcomes: readonly Outcome[]): Control["outcome"] {
  const [first = "open"] = outcomes;
  if (outcomes.includes("holds") && outcomes.includes("against")) return "mixed";
  return outcomes.every((outcome) => outcome === first) ? first : "open";
}

/** The evidence with untrained networks in the place of those that a claim is about. */
function withoutLearning(id: ClaimId, evidence: Evidence): Evidence | null {
  const found = networksOf(evidence, "random convolutions");
  const [main] = found;
  if (!main || claimsAboutTraining.has(id)) return null;
  const nothing = (table: Table): Table => filterRows(table, () => false);
  return {
    ...evidence,
    networks: found.map((network) => ({ ...network, variant: "plain" })),
    main: { ...main, variant: "plain" },
    // The layers below of such networks are not measured.
    lower: { ...main, variant: "plain", units: nothing(main.units), relations: nothing(main.relations) },
    sets: nothing(evidence.sets),
    setsPaperWay: null,
    predictions: evidence.untrainedPredictions ?? nothing(evidence.predictions),
  };
}
