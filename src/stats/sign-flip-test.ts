/** The sign-flip test of a mean difference: Fisher's randomisation test for pairs, seeded. */
import { seededRandom } from "../numeric/random.ts";

/**
 * Two-sided p-value that the differences' mean is 0 when each could as well have had the opposite sign. Exact by
 * enumeration up to 16 non-zero differences; beyond, (1 + draws at least as far) / (1 + draws).
 *
 * @returns in (0, 1]; 1 if every difference is 0; `NaN` if there is none or one is `NaN`.
 */
export function signFlipTest(
  differences: ArrayLike<number>,
  { draws = 10_000, seed = 0 }: { draws?: number; seed?: number } = {},
): number {
  const values = Float64Array.from(differences);
  if (values.length === 0 || values.some(Number.isNaN)) return Number.NaN;
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const observed = Math.abs(values.reduce((sum, value) => sum + value, 0));
  const bar = observed - total * 1e-12; // equal sums may differ in the last bits
  if (sizes.length <= 16) {
    const patterns = 2 ** sizes.length;
    let reached = 0;
    for (let pattern = 0; pattern < patterns; pattern++) {
      let sum = total;
      for (let i = 0; i < sizes.length; i++) if ((pattern >>> i) & 1) sum -= 2 * sizes[i];
      if (Math.abs(sum) >= bar) reached++;
    }
    return reached / patterns;
  }
  const { uniform } = seededRandom(seed);
  let reached = 0;
  for (let draw = 0; draw < draws; draw++) {
    let sum = total;
    let bits = 0;
    for (let i = 0; i < sizes.length; i++) {
      if ((i & 31) === 0) bits = (uniform() * 0x1_0000_0000) >>> 0;
      if (bits & 1) sum -= 2 * sizes[i];
      bits >>>= 1;
    }
    if (Math.abs(sum) >= bar) reached++;
  }
  return (1 + reached) / (1 + draws);
}
