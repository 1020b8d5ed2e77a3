/** How many pairs a run repeats the plain way by default: so few that it costs some hundredths of the run at most. */
import { multiplyAdds } from "../onnx/cost.ts";
import type { Model } from "../runtime/model.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** Part of a layer's work that its check may be, reckoned in multiply-adds. */
const SHARE = 0.004;
/** Pairs that are repeated even where that is more: on average, for every layer. */
const FEWEST = 5;

/**
 * The fraction of a layer's (unit, image) pairs that is repeated, in [0, 1].
 * @param pairs how many there are.
 */
export function checkFraction({ graph, shapes }: Model, { recomputed }: SuffixPlan, pairs: number): number {
  const costs = multiplyAdds(graph, shapes);
  let total = 0;
  let own = 0;
  for (const cost of costs.values()) total += cost;
  for (const node of recomputed) own += costs.get(node) ?? 0;
  const share = total === 0 ? 0 : own / total;
  return Math.min(1, Math.max(SHARE * share, FEWEST / Math.max(1, pairs)));
}
