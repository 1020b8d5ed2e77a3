/**
 * The exact McNemar test of paired outcomes: are losses and gains equally likely?
 *
 * Under the null each discordant image is a loss or a gain with probability ½, so that gains ~ Bin(lost + gained, ½)
 * (McNemar 1947; the exact form is the sign test). Two-sided: twice the smaller tail, at most 1.
 */
import { halfBinomialCdf } from "./half-binomial.ts";

const known = new Map<number, number>();
const knownLimit = 1 << 20;

/**
 * Exact two-sided p-value; 1 where nothing is discordant. Symmetric in its arguments. Remembered, since a table asks
 * for the same few pairs of small counts over and over.
 *
 * @param lost   images right before and wrong after, integer ≥ 0.
 * @param gained images wrong before and right after, integer ≥ 0.
 * @returns in (0, 1]; 0 only by underflow, below 5e-324.
 */
export function exactMcNemar(lost: number, gained: number): number {
  const fewer = Math.min(lost, gained);
  const discordant = lost + gained;
  const key = discordant * 0x400_0000 + fewer;
  const remembered = known.get(key);
  if (remembered !== undefined) return remembered;
  const p = Math.min(1, 2 * halfBinomialCdf(fewer, discordant));
  if (known.size >= knownLimit) known.clear();
  known.set(key, p);
  return p;
}
