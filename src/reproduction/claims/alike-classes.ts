/** Whether the classes that one unit hurts belong together, by their distance in WordNet. */
import { bootstrapInterval } from "../../stats/bootstrap.ts";
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { networkInterval } from "../../stats/network-interval.ts";
import { type Evidence, type NetworkEvidence, networksOf } from "../evidence.ts";
import { type Claim, claim, count, dropsTable, finding } from "./claim.ts";
import { isNegative } from "./judgement.ts";
import { mean } from "./places.ts";

/** The units of conv5 that hurt several classes hurt alike ones. */
export function alikeClassesClaim(evidence: Evidence): Claim {
  const networks = networksOf(evidence, "plain").filter(hasUnits);
  const difference = closeness(networks);
  const row = `conv5 (${networks.length === 1 ? "1 network" : `${networks.length} networks`})`;
  const over = (side: "observed" | "expected"): number =>
    mean(networks.map(({ hurtSpread }) => mean(hurtSpread?.[side] ?? [])));
  const steps = (value: number): string => value.toFixed(2).replace("-", "\u2212");
  return claim("alike-classes", {
    headline:
      networks.length === 0
        ? "–"
        : `conv5: ${steps(over("observed"))} steps apart, ${steps(over("expected"))} by chance, ${steps(difference.value)} (${steps(difference.low)} to ${steps(difference.high)})`,
    findings:
      networks.length === 0
        ? []
        : [
            count(row, "units that hurt several classes", "number", mean(networks.map(unitCount))),
            count(row, "steps between their classes", "number", over("observed")),
            count(row, "by chance", "number", over("expected")),
            finding(row, "difference", "number", difference),
          ],
    intervals: "95 % over networks (Student's t), or over units of the one network that was measured",
    judged: [{ place: "conv5", statement: "", outcome: networks.length === 0 ? "unasked" : isNegative(difference) }],
    why: networks.length === 0 ? "These classes are not WordNet's, or no unit hurts two of them." : "",
    pictures: [{ file: "unit-drops-conv5.svg", shows: "class drops of the most damaging units of conv5" }],
    tables: [dropsTable(evidence.classCount)],
  });
}

/** Mean steps between classes that a unit hurts, minus those by chance. */
export function closeness(networks: readonly NetworkEvidence[]): Estimate {
  const differences = networks.filter(hasUnits).map(({ hurtSpread }) => {
    const { observed, expected } = hurtSpread ?? { observed: [], expected: [] };
    return Float64Array.from(observed, (value, unit) => value - expected[unit]);
  });
  const means = differences.map(mean);
  if (differences.length !== 1) return networkInterval(means);
  const [units] = differences;
  const resampled = (rows: Uint32Array): number => rows.reduce((sum, row) => sum + units[row], 0) / rows.length;
  return { value: means[0], ...bootstrapInterval(units.length, resampled) };
}

function hasUnits({ hurtSpread }: NetworkEvidence): boolean {
  return hurtSpread !== null && hurtSpread.observed.length > 0;
}

function unitCount({ hurtSpread }: NetworkEvidence): number {
  return hurtSpread?.observed.length ?? 0;
}
