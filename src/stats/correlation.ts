/** Correlation and the straight line through a cloud of points. */
import { UnitscopeError } from "../errors.ts";
import { averageRanks } from "./ranks.ts";

/** A least-squares line y = intercept + slope · x. */
export interface Line {
  readonly slope: number;
  readonly intercept: number;
}

/**
 * Pearson's correlation, in two passes (deviations from the means), so that a large common offset costs no digits.
 * @returns in [−1, 1]; `NaN` with fewer than two points, if either side is constant, or if a value is not finite.
 * @throws {UnitscopeError} `shape` if the lengths differ.
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const { xx, xy, yy } = deviations(x, y);
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** Spearman's correlation: Pearson's of the ranks, ties sharing their average rank. `NaN` as `pearson`. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const [fx, fy] = [Float64Array.from(x), Float64Array.from(y)];
  if (fx.some(Number.isNaN) || fy.some(Number.isNaN)) return Number.NaN;
  return pearson(averageRanks(fx), averageRanks(fy));
}

/** The least-squares line; both `NaN` where `x` is constant or a value is not finite. */
export function linearFit(x: ArrayLike<number>, y: ArrayLike<number>): Line {
  const { meanX, meanY, xx, xy } = deviations(x, y);
  const slope = xx === 0 ? Number.NaN : xy / xx;
  return { slope, intercept: meanY - slope * meanX };
}

function deviations(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): { meanX: number; meanY: number; xx: number; xy: number; yy: number } {
  const count = x.length;
  if (y.length !== count) {
    throw new UnitscopeError("shape", `correlation: expected two columns of one length, got ${count} and ${y.length}`);
  }
  let meanX = 0;
  let meanY = 0;
  let [constantX, constantY] = [true, true];
  for (let i = 0; i < count; i++) {
    meanX += x[i];
    meanY += y[i];
    constantX &&= x[i] === x[0];
    constantY &&= y[i] === y[0];
  }
  meanX /= count;
  meanY /= count;
  // The mean of equal numbers is rounded: only the comparison above can tell a constant from a very small spread.
  if (constantX) meanX = count > 0 ? x[0] : Number.NaN;
  if (constantY) meanY = count > 0 ? y[0] : Number.NaN;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let i = 0; i < count; i++) {
    const [dx, dy] = [x[i] - meanX, y[i] - meanY];
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  return { meanX, meanY, xx, xy, yy };
}
