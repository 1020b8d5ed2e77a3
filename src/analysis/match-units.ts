/**
 * Which unit of one network is which of another: one to one, by the correlation of their responses to the same images (Li,
 * Yosinski, Clune, Lipson and Hopcroft, "Convergent learning", 2016). Two nulls say what a match is worth: images shuffled
 * (any two units), and images shuffled within their classes (units that have no more in common than what a class does to
 * them).
 */
import { seededRandom } from "../numeric/random.ts";
import { bestAssignment } from "../stats/assignment.ts";

/** Responses of a layer's units to images, float64, row-major `[units, imageCount]`. */
export interface UnitResponses {
  readonly units: number;
  readonly values: Float64Array;
}

/** Units of the first network with those of the second. */
export interface UnitMatching {
  /** The second network's unit of every unit of the first, `[units]`; -1 where the second has fewer units. */
  readonly partner: Int32Array;
  /** Their correlation over images, `[units]`; `NaN` without a partner or for a unit that never changes. */
  readonly correlation: Float64Array;
  /** Correlations of matched pairs under the nulls, of all draws together, ascending. */
  readonly shuffled: Float64Array;
  readonly shuffledWithinClasses: Float64Array;
}

/**
 * Matches the units of two networks.
 * @param labels class of every image, `[imageCount]`.
 * @param options.draws matchings under each null.
 */
export function matchUnits(
  first: UnitResponses,
  second: UnitResponses,
  labels: Int32Array,
  { draws = 5, seed = 1 }: { draws?: number; seed?: number } = {},
): UnitMatching {
  const [one, other] = [standardised(first, labels.length), standardised(second, labels.length)];
  const own = matched(one, other, first.units, second.units);
  const random = seededRandom(seed, 0x3a7c);
  const under = (orderOf: () => Int32Array): Float64Array => {
    const found: number[] = [];
    for (let draw = 0; draw < draws; draw++) {
      const { correlation } = matched(one, reordered(other, second.units, orderOf()), first.units, second.units);
      found.push(...correlation.filter((value) => !Number.isNaN(value)));
    }
    return Float64Array.from(found).sort();
  };
  const identity = Int32Array.from(labels.keys());
  const classes = new Map<number, number[]>();
  labels.forEach((cls, image) => {
    const members = classes.get(cls);
    if (members) members.push(image);
    else classes.set(cls, [image]);
  });
  return {
    ...own,
    shuffled: under(() => random.shuffle(identity.slice())),
    shuffledWithinClasses: under(() => {
      const order = identity.slice();
      for (const members of classes.values()) {
        random.shuffle(Int32Array.from(members)).forEach((image, at) => {
          order[members[at]] = image;
        });
      }
      return order;
    }),
  };
}

/** P(a matched pair of a null correlates as much): (1 + those that do) / (1 + all). @param ascending of the null. */
export function matchPValue(correlation: number, ascending: Float64Array): number {
  if (Number.isNaN(correlation)) return Number.NaN;
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < correlation) low = middle + 1;
    else high = middle;
  }
  return (1 + ascending.length - low) / (1 + ascending.length);
}

function matched(
  one: Float32Array,
  other: Float32Array,
  rows: number,
  columns: number,
): Pick<UnitMatching, "partner" | "correlation"> {
  const scores = products(one, other, rows, columns);
  const wide = rows <= columns;
  const finite = scores.map((score) => (Number.isNaN(score) ? -1 : score));
  const partner = new Int32Array(rows).fill(-1);
  if (wide) partner.set(bestAssignment(finite, rows, columns));
  else {
    const turned = Float64Array.from(finite, (_, at) => finite[(at % rows) * columns + Math.floor(at / rows)]);
    bestAssignment(turned, columns, rows).forEach((row, column) => {
      partner[row] = column;
    });
  }
  const correlation = Float64Array.from(partner, (column, row) =>
    column < 0 ? Number.NaN : scores[row * columns + column],
  );
  return { partner, correlation };
}

/** Products of all rows of two matrices, float64 `[rows, columns]`. */
function products(one: Float32Array, other: Float32Array, rows: number, columns: number): Float64Array {
  const length = one.length / rows;
  const found = new Float64Array(rows * columns);
  const chunk = 2_048; // a few rows of it stay in the cache
  for (let from = 0; from < length; from += chunk) {
    const to = Math.min(length, from + chunk);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let at = from, a = row * length + from, b = column * length + from; at < to; at++, a++, b++) {
          sum += one[a] * other[b];
        }
        found[row * columns + column] += sum;
      }
    }
  }
  return found;
}

/** Every unit's responses with mean 0 and length 1; `NaN` for one that never changes. */
function standardised({ units, values }: UnitResponses, imageCount: number): Float32Array {
  const found = new Float32Array(values.length);
  for (let unit = 0; unit < units; unit++) {
    const row = values.subarray(unit * imageCount, (unit + 1) * imageCount);
    const mean = row.reduce((sum, value) => sum + value, 0) / imageCount;
    const length = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0));
    row.forEach((value, image) => {
      found[unit * imageCount + image] = (value - mean) / length;
    });
  }
  return found;
}

function reordered(values: Float32Array, units: number, order: Int32Array): Float32Array {
  const found = new Float32Array(values.length);
  const count = order.length;
  for (let unit = 0; unit < units; unit++) {
    for (let image = 0; image < count; image++) found[unit * count + image] = values[unit * count + order[image]];
  }
  return found;
}
