/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna 2018), seeded through splitmix32, with its state readable so
 * that a checkpoint can continue a stream.
 */

/** A stream of random numbers that is fixed by its seed. */
export interface Random {
  /** Uniform in [0, 1), 32 random bits. */
  uniform(): number;
  /** Uniform integer in 0..bound-1. */
  integer(bound: number): number;
  /** Standard normal (Box and Muller). */
  normal(): number;
  /** Shuffles in place (Fisher and Yates) and returns its argument. */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T;
  /** The four words of state; `resumeRandom` continues from them. */
  state(): [number, number, number, number];
}

/** A new stream. Different `streams` of one seed are independent of each other. */
export function seededRandom(seed: number, stream: number = 0): Random {
  let word = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0;
  const next = (): number => {
    word = (word + 0x9e3779b9) >>> 0;
    let z = word;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return resumeRandom([next(), next(), next(), next()]);
}

/** Continues a stream from a state. */
export function resumeRandom([w0, w1, w2, w3]: [number, number, number, number]): Random {
  let a = w0 | 0;
  let b = w1 | 0;
  let c = w2 | 0;
  let d = w3 | 0;
  const word = (): number => {
    const times5 = Math.imul(b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = (): number => word() / 0x1_0000_0000;
  const integer = (bound: number): number => {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound); // reject the tail, so that every value is equally likely
    let drawn = word();
    while (drawn >= limit) drawn = word();
    return drawn % bound;
  };
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle: (values) => {
      for (let last = values.length - 1; last > 0; last--) {
        const pick = integer(last + 1);
        const kept = values[last];
        values[last] = values[pick];
        values[pick] = kept;
      }
      return values;
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}
