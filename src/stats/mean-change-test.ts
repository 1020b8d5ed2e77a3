/**
 * Is a mean change 0, when changes are as skewed and as heavy in the tails as they like?
 *
 * Changes of log-probability are: most images hardly move, a few move far, and they all move to one side. A sample of 50
 * then easily misses the few, looks clear, and Student's t finds what is not there. No test holds its level for every
 * distribution (Bahadur and Savage 1956), so something must be known of the tail that was not seen. Here it is the
 * largest change that the unit makes to any image of any class: one pretended image that changes by that much speaks
 * against the finding.
 *
 * That is the interval of Learned-Miller and Thomas, "A new confidence interval for the mean of a bounded random
 * variable" (2019), read as a test: the mean lies at or below 0 with the probability that Σ E_i d_i ≤ 0, with the E_i
 * independent and exponential, over the images and the pretended one. Gains and losses are gathered apart, and each
 * weighted sum is taken for a gamma variable of the same mean and variance (Satterthwaite 1946), so that sums and sums of
 * squares are enough and those of disjoint images add up. Where all changes have one size it is the exact McNemar test.
 */
import { regularisedBeta } from "./incomplete-beta.ts";

/** What the test needs of the images of one class; sums of disjoint images add up. */
export interface ChangeSums {
  /** Sum of the positive changes, and of their squares. */
  readonly up: number;
  readonly upSquares: number;
  /** Sum of the sizes of the negative changes, and of their squares. */
  readonly down: number;
  readonly downSquares: number;
}

/**
 * Two-sided p-value of the null that the mean change is 0 in the class that the images were drawn from.
 *
 * @param largestUp, largestDown the sizes of the largest positive and negative change to be reckoned with: over more
 *   images than the class's own, at least as large as those in the sums.
 * @returns in (0, 1]; 1 where nothing changes.
 */
export function testMeanChange(
  { up, upSquares, down, downSquares }: ChangeSums,
  { largestUp, largestDown }: { largestUp: number; largestDown: number },
): number {
  const rise = tail(up, upSquares, down + largestDown, downSquares + largestDown ** 2);
  const fall = tail(down, downSquares, up + largestUp, upSquares + largestUp ** 2);
  return Math.min(1, 2 * Math.min(rise, fall));
}

/** P(A ≤ B) for gamma variables with these means and variances: how far the sum for is from exceeding that against. */
function tail(meanFor: number, varianceFor: number, meanAgainst: number, varianceAgainst: number): number {
  if (meanFor === 0) return 1;
  if (meanAgainst === 0) return oneSided(meanFor, varianceFor);
  const [scaleFor, scaleAgainst] = [varianceFor / meanFor, varianceAgainst / meanAgainst];
  const total = scaleFor + scaleAgainst;
  return regularisedBeta(
    meanFor ** 2 / varianceFor,
    meanAgainst ** 2 / varianceAgainst,
    scaleAgainst / total,
    scaleFor / total,
  );
}

/** Nothing speaks against: as if one image of the mean size did. */
function oneSided(mean: number, variance: number): number {
  return 2 ** -(mean ** 2 / variance);
}
