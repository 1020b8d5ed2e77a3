/**
 * Minimum of a smooth convex function by L-BFGS: Liu and Nocedal, "On the limited memory BFGS method for large scale
 * optimization" (1989), with a backtracking line search.
 */

/** Value of a function at `point`; writes its gradient there into `gradient`. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

/** Where a minimisation ended. */
export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  /** Largest absolute entry of the gradient there. */
  readonly gradientSize: number;
  readonly iterations: number;
  /** Whether `gradientSize` reached the tolerance; a function value that no longer falls ends the search too. */
  readonly converged: boolean;
}

/**
 * Minimises a convex function with continuous gradient. Deterministic.
 *
 * @param start where to begin, `[dimension]`; not changed.
 * @param options.tolerance largest absolute gradient entry at which to stop.
 * @param options.memory number of past steps that shape the curvature.
 * @param options.spread a guess of the inverse of the second derivatives along each axis, `[dimension]`, above 0 and up to a
 *   common factor: fewer steps where the axes differ.
 */
export function minimize(
  objective: Objective,
  start: Float64Array,
  {
    tolerance = 1e-7,
    maxIterations = 2_000,
    memory = 10,
    spread,
  }: { tolerance?: number; maxIterations?: number; memory?: number; spread?: Float64Array } = {},
): Minimum {
  const size = start.length;
  let point = start.slice();
  let gradient = new Float64Array(size);
  let value = objective(point, gradient);
  let nextPoint = new Float64Array(size);
  let nextGradient = new Float64Array(size);
  const direction = new Float64Array(size);
  const history: Step[] = [];
  let iterations = 0;
  for (; iterations < maxIterations && largest(gradient) > tolerance; iterations++) {
    descend(direction, gradient, history, spread);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      history.length = 0;
      descend(direction, gradient, history, spread);
      slope = dot(direction, gradient);
    }
    let length = history.length === 0 ? Math.min(1, 1 / largest(gradient)) : 1;
    let nextValue = Number.NaN;
    for (; length > 1e-12; length /= 2) {
      for (let i = 0; i < size; i++) nextPoint[i] = point[i] + length * direction[i];
      nextValue = objective(nextPoint, nextGradient);
      // Armijo's rule, with room for the rounding of the two values near the minimum.
      if (nextValue <= value + 1e-4 * length * slope + 4 * Number.EPSILON * Math.abs(value)) break;
    }
    if (length <= 1e-12) break;
    remember(history, memory, point, nextPoint, gradient, nextGradient);
    [point, nextPoint] = [nextPoint, point];
    [gradient, nextGradient] = [nextGradient, gradient];
    value = nextValue;
  }
  const gradientSize = largest(gradient);
  return { point, value, gradientSize, iterations, converged: gradientSize <= tolerance };
}

type Step = { step: Float64Array; change: Float64Array; curvature: number };

/** The two-loop recursion: direction = −H · gradient, from `spread` (or 1) as the diagonal of H before all steps. */
function descend(
  direction: Float64Array,
  gradient: Float64Array,
  history: readonly Step[],
  spread: Float64Array | undefined,
): void {
  for (let i = 0; i < direction.length; i++) direction[i] = -gradient[i];
  const weights = new Float64Array(history.length);
  for (let past = history.length - 1; past >= 0; past--) {
    const { step, change, curvature } = history[past];
    weights[past] = dot(step, direction) / curvature;
    add(direction, change, -weights[past]);
  }
  if (spread) for (let i = 0; i < direction.length; i++) direction[i] *= spread[i];
  const last = history.at(-1);
  if (last) {
    const scale = last.curvature / weightedSquares(last.change, spread);
    for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  }
  for (let past = 0; past < history.length; past++) {
    const { step, change, curvature } = history[past];
    add(direction, step, weights[past] - dot(change, direction) / curvature);
  }
}

function remember(
  history: Step[],
  memory: number,
  point: Float64Array,
  nextPoint: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
): void {
  const step = nextPoint.map((value, i) => value - point[i]);
  const change = nextGradient.map((value, i) => value - gradient[i]);
  const curvature = dot(step, change);
  if (!(curvature > Number.EPSILON * dot(change, change))) return; // rounding: no curvature to learn from
  history.push({ step, change, curvature });
  if (history.length > memory) history.shift();
}

function add(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * values[i];
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function weightedSquares(values: Float64Array, weights: Float64Array | undefined): number {
  if (!weights) return dot(values, values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += weights[i] * values[i] * values[i];
  return sum;
}

function largest(values: Float64Array): number {
  let size = 0;
  for (let i = 0; i < values.length; i++) size = Math.max(size, Math.abs(values[i]));
  return size;
}
