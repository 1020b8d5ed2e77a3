/**
 * Monte Carlo tests that go on only where it matters: draws from the null are made until a fixed number of them reach the
 * observed value, or up to a limit. The p-value is exact whenever it stops (Besag and Clifford, "Sequential Monte Carlo
 * p-values", 1991): h / l where the l-th draw was the h-th to reach it, and (1 + reached) / (1 + limit) at the limit.
 */

/** Tests side by side, each with draws of its own. */
export interface SequentialTests {
  /** Numbers of the tests that need further draws, rising. */
  open(): Int32Array;
  /** One more draw for every open test. @param reaches whether the draw reaches the observed value of a test. */
  draw(reaches: (test: number) => boolean): void;
  /** P-values by what was drawn so far, `[count]`; `NaN` without a draw. */
  pValues(): Float64Array;
  /** Draws of every test, `[count]`. */
  readonly draws: Int32Array;
}

/** @param stopAfter draws that reach the observed value and end a test. */
export function sequentialTests(count: number, { stopAfter = 10 }: { stopAfter?: number } = {}): SequentialTests {
  const draws = new Int32Array(count);
  const reached = new Int32Array(count);
  const isOpen = (test: number): boolean => reached[test] < stopAfter;
  return {
    draws,
    open: () => Int32Array.from({ length: count }, (_, test) => test).filter(isOpen),
    draw: (reaches) => {
      for (let test = 0; test < count; test++) {
        if (!isOpen(test)) continue;
        draws[test]++;
        if (reaches(test)) reached[test]++;
      }
    },
    pValues: () =>
      Float64Array.from(draws, (drawn, test) => {
        if (drawn === 0) return Number.NaN;
        return isOpen(test) ? (1 + reached[test]) / (1 + drawn) : stopAfter / drawn;
      }),
  };
}
