/** The distribution of the largest of several independent numbers with few values each: a product, no simulation. */

/** The values that one of the numbers can take, with their probabilities; two arrays of one length. */
export interface DiscreteValues {
  readonly values: ArrayLike<number>;
  readonly probabilities: ArrayLike<number>;
}

/** The distribution of a maximum. */
export interface MaxDistribution {
  /** Its mean; `NaN` of nothing. */
  readonly mean: number;
  /** The smallest value that it stays at or below with probability 0.95; `NaN` of nothing. */
  readonly quantile95: number;
}

/** Walks over all values in rising order and keeps P(all at or below), in logarithms since hundreds of factors underflow. */
export function maxOfIndependent(numbers: readonly DiscreteValues[]): MaxDistribution {
  const { value, owner, probability, order } = atomsOf(numbers);
  const below = new Float64Array(numbers.length);
  let unreached = numbers.length;
  let logProduct = 0;
  let reached = 0;
  let mean = numbers.length === 0 ? Number.NaN : 0;
  let quantile95 = Number.NaN;
  for (let at = 0; at < order.length; ) {
    const now = value[order[at]];
    while (at < order.length && value[order[at]] === now) {
      const atom = order[at++];
      const before = below[owner[atom]];
      const after = Math.min(1, before + probability[atom]);
      below[owner[atom]] = after;
      if (before === 0) unreached--;
      logProduct += Math.log(after) - (before === 0 ? 0 : Math.log(before));
    }
    if (unreached > 0) continue;
    const chance = Math.min(1, Math.exp(logProduct));
    mean += now * (chance - reached);
    reached = chance;
    if (Number.isNaN(quantile95) && reached >= 0.95) quantile95 = now;
  }
  return { mean, quantile95 };
}

function atomsOf(numbers: readonly DiscreteValues[]): {
  value: Float64Array;
  owner: Int32Array;
  probability: Float64Array;
  order: Uint32Array;
} {
  const count = numbers.reduce((sum, { values }) => sum + values.length, 0);
  const value = new Float64Array(count);
  const owner = new Int32Array(count);
  const probability = new Float64Array(count);
  let at = 0;
  numbers.forEach(({ values, probabilities }, number) => {
    for (let i = 0; i < values.length; i++) {
      if (probabilities[i] === 0) continue;
      value[at] = values[i];
      owner[at] = number;
      probability[at++] = probabilities[i];
    }
  });
  const order = Uint32Array.from({ length: at }, (_, i) => i).sort((a, b) => value[a] - value[b]);
  return { value, owner, probability, order };
}
