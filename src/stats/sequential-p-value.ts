/**
 * Monte Carlo p-values that draw only where it matters: Besag and Clifford, "Sequential Monte Carlo p-values" (1991).
 * Draws stop once so many of them have reached the observed value; then the p-value is plain to see. Only what is rare
 * goes on to the last draw.
 */

/** A p-value on its way: give it draws until it is `done`. */
export interface SequentialPValue {
  /** Takes one draw under the null. */
  take(value: number): void;
  readonly isDone: boolean;
  readonly draws: number;
  /**
   * reached / draws once `enough` have reached the observed value, else (1 + reached) / (1 + draws): valid whenever
   * drawing stops by this rule.
   */
  readonly pValue: number;
}

/**
 * @param observed larger is stronger.
 * @param options.enough draws that reach the observed value and end it.
 * @param options.most draws that end it anyway: 1 / (1 + most) is the smallest p-value.
 */
export function sequentialPValue(
  observed: number,
  { enough = 10, most }: { enough?: number; most: number },
): SequentialPValue {
  let draws = 0;
  let reached = 0;
  const isDone = (): boolean => reached >= enough || draws >= most;
  return {
    take: (value) => {
      if (isDone()) return;
      draws++;
      if (value >= observed) reached++;
    },
    get isDone() {
      return isDone();
    },
    get draws() {
      return draws;
    },
    get pValue() {
      return reached >= enough ? reached / draws : (1 + reached) / (1 + draws);
    },
  };
}
