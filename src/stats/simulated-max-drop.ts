/** The null of a unit's largest class drop by simulated sign flips: a check of the exact one, from the definition. */
import { seededRandom } from "../numeric/random.ts";

/**
 * P(the largest class drop under random sign flips ≥ the observed one), estimated.
 *
 * Every discordant image is flipped to lost or gained by one random bit. The estimate counts the observed labelling as
 * one of the draws, so that it is never 0 and never too small on average (Phipson and Smyth 2010):
 * (1 + draws that reach it) / (1 + draws).
 *
 * @param lost, gained int32 `[unitCount, classCount]`.
 * @param images int32 `[classCount]`; classes without images take no part.
 * @param options.draws 20,000 show p-values down to 5e-5.
 * @returns float64 `[unitCount]`; `NaN` if no class has an image.
 */
export function simulateMaxDropNull(
  lost: Int32Array,
  gained: Int32Array,
  images: Int32Array,
  { draws = 20_000, seed = 0 }: { draws?: number; seed?: number } = {},
): Float64Array {
  const classCount = images.length;
  const unitCount = lost.length / classCount;
  const pValues = new Float64Array(unitCount);
  for (let unit = 0; unit < unitCount; unit++) {
    // A stream of its own for every unit: a unit's p-value does not depend on which others are in the table.
    const random = seededRandom(seed, unit);
    const scale: number[] = [];
    const discordant: number[] = [];
    let observed = Number.NEGATIVE_INFINITY;
    let idle = false; // a class that no flip can move keeps the maximum at 0 or above
    for (let cls = 0; cls < classCount; cls++) {
      if (images[cls] === 0) continue;
      const at = unit * classCount + cls;
      observed = Math.max(observed, (lost[at] - gained[at]) / images[cls]);
      const flips = lost[at] + gained[at];
      if (flips === 0) idle = true;
      else {
        scale.push(1 / images[cls]);
        discordant.push(flips);
      }
    }
    if (observed === Number.NEGATIVE_INFINITY) {
      pValues[unit] = Number.NaN;
      continue;
    }
    const bar = observed - 1e-12; // drops are fractions of at most 2^31 images: equal ones may differ in the last bits
    let reached = 0;
    if (idle && bar <= 0) reached = draws;
    else {
      for (let draw = 0; draw < draws; draw++) {
        for (let i = 0; i < discordant.length; i++) {
          if ((discordant[i] - 2 * countHeads(discordant[i], random.uniform)) * scale[i] >= bar) {
            reached++;
            break;
          }
        }
      }
    }
    pValues[unit] = (1 + reached) / (1 + draws);
  }
  return pValues;
}

/** How many of `flips` fair coins fall heads: the set bits of as many random bits. */
function countHeads(flips: number, uniform: () => number): number {
  let heads = 0;
  for (let left = flips; left > 0; left -= 32) {
    let bits = (uniform() * 0x1_0000_0000) >>> (left < 32 ? 32 - left : 0);
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    heads += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return heads;
}
