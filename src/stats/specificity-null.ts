/**
 * The null of a unit that singles out no class. Chance alone is a weak opponent: a unit that hurts all classes alike
 * beats it. Here a unit keeps its number of lost and of gained images, but they fall on the classes as those of the
 * layer's other units do: fragile classes lose more whatever is removed.
 *
 * Given the shares of the classes, a unit's losses (and gains) of one class are binomial; the shares are known from a
 * finite count of the other units' images, which makes them beta-binomial (Dirichlet prior of ½ per class on average,
 * spread as the images that can be lost or gained). Classes are taken for independent given the totals; as they compete
 * for them, the p-value is too small by less than its own square.
 */
import { type DiscreteValues, maxOfIndependent } from "./max-of-independent.ts";

/** Counts of a layer, as `Counts` of the ablation has them. */
export interface LayerCounts {
  readonly unitCount: number;
  readonly classCount: number;
  /** `[classCount]`. */
  readonly images: Int32Array;
  readonly correct: Int32Array;
  /** `[unitCount, classCount]`. */
  readonly lost: Int32Array;
  readonly gained: Int32Array;
}

/** The largest class drop of every unit against the specificity null; float64 `[unitCount]`, `NaN` without images. */
export interface SpecificityNull {
  /** P(the largest class drop under the null ≥ the observed one). */
  readonly pValues: Float64Array;
  /** Mean of the largest class drop under the null. */
  readonly means: Float64Array;
  /** Its 95 % quantile. */
  readonly quantiles95: Float64Array;
}

/** Compares every unit of a layer with the others. A layer of one unit is compared with even losses. */
export function specificityNull(counts: LayerCounts): SpecificityNull {
  const { unitCount, classCount, images, correct, lost, gained } = counts;
  const wrong = images.map((count, cls) => count - correct[cls]);
  const [lostBy, gainedBy] = [lost, gained].map((values) => totalsByClass(values, counts));
  const found = { pValues: nan(unitCount), means: nan(unitCount), quantiles95: nan(unitCount) };
  const used = Array.from(images.keys()).filter((cls) => images[cls] > 0);
  if (used.length === 0) return found;
  for (let unit = 0; unit < unitCount; unit++) {
    const row = (values: Int32Array): Int32Array => values.subarray(unit * classCount, (unit + 1) * classCount);
    const [lostRow, gainedRow] = [row(lost), row(gained)];
    const losses = sharesWithout(lostBy, lostRow, correct);
    const gains = sharesWithout(gainedBy, gainedRow, wrong);
    const classes = used.map((cls) => netLosses(losses.of(cls), gains.of(cls)));
    const largest = used.reduce((best, cls) =>
      (lostRow[cls] - gainedRow[cls]) * images[best] > (lostRow[best] - gainedRow[best]) * images[cls] ? cls : best,
    );
    const observed = (lostRow[largest] - gainedRow[largest]) / images[largest];
    let logNoneReaches = 0;
    classes.forEach(({ from, probabilities }, at) => {
      // Counts of images that reach the observed drop; a millionth of an image makes up for the division.
      const needed = Math.ceil(observed * images[used[at]] - 1e-6);
      let reaches = 0;
      for (let net = probabilities.length - 1; net >= Math.max(0, needed - from); net--) reaches += probabilities[net];
      logNoneReaches += Math.log1p(-Math.min(1, reaches));
    });
    const underNull = maxOfIndependent(
      classes.map(
        ({ from, probabilities }, at): DiscreteValues => ({
          values: Float64Array.from(probabilities, (_, net) => (from + net) / images[used[at]]),
          probabilities,
        }),
      ),
    );
    found.pValues[unit] = -Math.expm1(logNoneReaches);
    found.means[unit] = underNull.mean;
    found.quantiles95[unit] = underNull.quantile95;
  }
  return found;
}

function nan(length: number): Float64Array {
  return new Float64Array(length).fill(Number.NaN);
}

function totalsByClass(values: Int32Array, { unitCount, classCount }: LayerCounts): Float64Array {
  const totals = new Float64Array(classCount);
  for (let unit = 0; unit < unitCount; unit++) {
    for (let cls = 0; cls < classCount; cls++) totals[cls] += values[unit * classCount + cls];
  }
  return totals;
}

/** A beta-binomial count: of `trials`, with this weight of the class and of all others. */
interface Share {
  readonly trials: number;
  readonly own: number;
  readonly others: number;
}

/** How a unit's own images fall on the classes if they fall as those of the other units. */
function sharesWithout(totals: Float64Array, own: Int32Array, room: Int32Array): { of(cls: number): Share } {
  const trials = own.reduce((sum, count) => sum + count, 0);
  const places = room.reduce((sum, count) => sum + count, 0);
  const prior = room.length / 2;
  const weight = Float64Array.from(totals, (total, cls) => {
    const expected = places === 0 ? 0 : (prior * room[cls]) / places;
    return total - own[cls] + expected;
  });
  const all = weight.reduce((sum, each) => sum + each, 0);
  return { of: (cls) => ({ trials, own: weight[cls], others: Math.max(0, all - weight[cls]) }) };
}

/** Probabilities of `from`, `from + 1`, … */
interface CountDistribution {
  readonly from: number;
  readonly probabilities: Float64Array;
}

/** Losses minus gains. */
function netLosses(losses: Share, gains: Share): CountDistribution {
  const [l, g] = [betaBinomial(losses), betaBinomial(gains)];
  const probabilities = new Float64Array(l.probabilities.length + g.probabilities.length - 1);
  const last = g.probabilities.length - 1;
  for (let i = 0; i < l.probabilities.length; i++) {
    for (let j = 0; j <= last; j++) probabilities[i + last - j] += l.probabilities[i] * g.probabilities[j];
  }
  return { from: l.from - (g.from + last), probabilities };
}

/** The beta-binomial distribution, outcomes rarer than 1e-17 of the likeliest left out. */
function betaBinomial({ trials, own, others }: Share): CountDistribution {
  if (trials === 0 || own === 0) return { from: 0, probabilities: Float64Array.of(1) };
  if (others === 0) return { from: trials, probabilities: Float64Array.of(1) };
  const step = (count: number): number =>
    ((trials - count) / (count + 1)) * ((count + own) / (trials - count - 1 + others));
  let mode = Math.min(trials, Math.floor((trials * own) / (own + others)));
  while (mode < trials && step(mode) > 1) mode++;
  while (mode > 0 && step(mode - 1) < 1) mode--;
  const above: number[] = [1];
  for (let count = mode; count < trials; count++) {
    const next = above[above.length - 1] * step(count);
    if (next < 1e-17) break;
    above.push(next);
  }
  const below: number[] = [];
  for (let count = mode - 1, weight = 1; count >= 0; count--) {
    weight /= step(count);
    if (weight < 1e-17) break;
    below.push(weight);
  }
  const weights = Float64Array.from([...below.reverse(), ...above]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { from: mode - below.length, probabilities: weights.map((weight) => weight / total) };
}
