/** Orders of the matrix's rows and columns. */
import { seededRandom } from "../../src/numeric/random.ts";

/** Vectors to put in order, row-major `[count, width]`. */
export interface Vectors {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** Wider vectors are projected onto so many random directions before clustering. */
const widest = 24;

/** The indices by a value, the largest first; missing ones last, ties in order. */
export function byValue(count: number, value: (at: number) => number): Int32Array {
  const keys = Float64Array.from({ length: count }, (_, at) => value(at));
  return Int32Array.from({ length: count }, (_, at) => at).sort((a, b) => {
    const [first, second] = [keys[a] as number, keys[b] as number];
    if (Number.isNaN(first) || Number.isNaN(second))
      return Number(Number.isNaN(first)) - Number(Number.isNaN(second)) || a - b;
    return second - first || a - b;
  });
}

/** The transpose, for ordering columns. */
export function transposed({ count, width, values }: Vectors): Vectors {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < width; column++)
      turned[column * count + row] = values[row * width + column] as number;
  }
  return { count: width, width: count, values: turned };
}

/**
 * An order in which like vectors stand together: the leaves of Ward's clustering, found by nearest-neighbour chains
 * (Murtagh 1983), the larger branch first. Wide vectors are projected at random first (seeded), so large layers take
 * seconds, not minutes; then the order is approximate.
 */
export function clusterOrder(vectors: Vectors): Int32Array {
  const { count, width, values } = vectors.width > widest ? projected(vectors) : vectors;
  if (count < 3) return Int32Array.from({ length: count }, (_, at) => at);
  const centres = Float32Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
  const sizes = new Float64Array(count).fill(1);
  const alive = Uint8Array.from({ length: count }, () => 1);
  const leaves: number[][] = Array.from({ length: count }, (_, at) => [at]);
  const distance = (a: number, b: number): number => {
    let sum = 0;
    for (let i = a * width, j = b * width, end = i + width; i < end; i++, j++) {
      const difference = (centres[i] as number) - (centres[j] as number);
      sum += difference * difference;
    }
    const [sa, sb] = [sizes[a] as number, sizes[b] as number];
    return (sum * sa * sb) / (sa + sb);
  };
  const chain: number[] = [];
  let first = 0;
  for (let merged = 0; merged < count - 1; ) {
    if (chain.length === 0) {
      while (!alive[first]) first++;
      chain.push(first);
    }
    const top = chain.at(-1) as number;
    const before = chain.at(-2);
    let nearest = before ?? -1;
    let least = before === undefined ? Infinity : distance(top, before);
    for (let other = 0; other < count; other++) {
      if (!alive[other] || other === top) continue;
      const far = distance(top, other);
      if (far < least) {
        least = far;
        nearest = other;
      }
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    merge(top, nearest);
    merged++;
  }
  function merge(a: number, b: number): void {
    const [sa, sb] = [sizes[a] as number, sizes[b] as number];
    for (let at = 0; at < width; at++) {
      centres[a * width + at] =
        ((centres[a * width + at] as number) * sa + (centres[b * width + at] as number) * sb) / (sa + sb);
    }
    sizes[a] = sa + sb;
    alive[b] = 0;
    const [own, others] = [leaves[a] as number[], leaves[b] as number[]];
    leaves[a] = own.length >= others.length ? own.concat(others) : others.concat(own);
  }
  return Int32Array.from(leaves.find((each) => each.length === count) ?? []);
}

function projected({ count, width, values }: Vectors): Vectors {
  const random = seededRandom(1);
  const directions = Float32Array.from({ length: width * widest }, () => (random.uniform() < 0.5 ? -1 : 1));
  const result = new Float32Array(count * widest);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < width; column++) {
      const value = values[row * width + column] as number;
      if (value === 0 || Number.isNaN(value)) continue;
      for (let to = 0; to < widest; to++) {
        result[row * widest + to] =
          (result[row * widest + to] as number) + value * (directions[column * widest + to] as number);
      }
    }
  }
  return { count, width: widest, values: result };
}
