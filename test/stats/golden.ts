import { readFileSync } from "node:fs";

type Pairs = [number, number][];
type Triples = [number, number, number][];

/** Reference values of scipy; `test/golden/statistics.py` makes them. */
export const golden = JSON.parse(readFileSync(new URL("../golden/statistics.json", import.meta.url), "utf8")) as {
  half_binomial_cdf: Triples;
  mcnemar: Triples;
  normal_cdf: Pairs;
  normal_quantile: Pairs;
  incomplete_beta: [number, number, number, number][];
  benjamini_hochberg: { p: number[]; q: number[] };
  correlation: {
    x: number[];
    y: number[];
    pearson: number;
    spearman: number;
    slope: number;
    intercept: number;
    ranks: number[];
  };
  bootstrap: { percentile: [number, number]; bca: [number, number] };
  wilson: [number, number, number, number][];
  logistic: {
    features: number[];
    labels: number[];
    rows: number;
    featureCount: number;
    classes: number;
    penalty: number;
    weights: number[];
    probabilities: number[];
  };
  assignment: { rows: number; columns: number; scores: number[]; chosen: number[] }[];
};

/** |a − b| relative to |b|. */
export function relativeError(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b) / Math.abs(b);
}
