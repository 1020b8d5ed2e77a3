/**
 * Curves of many classes in one plot: those that nobody could tell apart become their mean with a band, and the classes
 * that stand out keep curves of their own.
 */
import { bandShares, bandWords } from "./band-note.ts";
import { quantile } from "./curves.ts";

/** Accuracy of one class after 0, 1, 2, … units of its own sequence are removed; fractions. */
export interface ClassSetCurve {
  readonly className: string;
  readonly accuracy: ArrayLike<number>;
}

/** A curve averaged over classes, with a band over random sequences where there is one. */
export interface AverageSetCurve {
  /** What is said in the legend: `greedy`, `random (100 sequences)`. */
  readonly label: string;
  readonly accuracy: ArrayLike<number>;
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
  /** Whether its steps count the units that are kept, not those that are removed. */
  readonly isKept?: boolean;
}

/** More classes than this are never all drawn. */
const mostCurves = 12;
/** Of so many classes, those that stand out. */
const standing = 6;
/** Curves closer than this to their median at every step lie on it to the eye (the plot is about 250 pixels high). */
const coincident = 0.015;
/** So few coincident curves are left as they are. */
const fewest = 3;

/** The curves to draw, and what their band holds where there is one. */
export interface MergedCurves {
  readonly curves: readonly AverageSetCurve[];
  readonly bandHolds?: string;
}

/** Merges curves as far as they cannot be told apart, in the order given. */
export function mergeClassCurves(classes: readonly ClassSetCurve[]): MergedCurves {
  const single = ({ className, accuracy }: ClassSetCurve): AverageSetCurve => ({ label: className, accuracy });
  const middle = stepwise(classes, (values) => quantile(values, 0.5));
  const distance = ({ accuracy }: ClassSetCurve): number =>
    middle.reduce((far, value, step) => Math.max(far, Math.abs(accuracy[step] - value)), 0);
  const near = classes.filter((each) => distance(each) <= coincident);
  const isMany = classes.length > mostCurves;
  if (!isMany && near.length < fewest) return { curves: classes.map(single) };
  const apart = isMany ? standingOut(classes) : classes.filter((each) => !near.includes(each));
  const rest = classes.filter((each) => !apart.includes(each));
  const of = `${rest.length} ${apart.length === 0 ? "" : "other "}classes`;
  const [low, high] = bandShares(rest.length).map((share) => stepwise(rest, (values) => quantile(values, share))) as [
    Float64Array,
    Float64Array,
  ];
  return {
    curves: [...apart.map(single), { label: `mean of ${of}`, accuracy: meanCurve(rest), low, high }],
    bandHolds: `${bandWords(rest.length)} of ${of}`,
  };
}

/** The classes with the smallest and the largest areas, the smallest first, as far as they are away from the median. */
function standingOut(classes: readonly ClassSetCurve[]): ClassSetCurve[] {
  const sorted = classes.map((each) => ({ each, area: areaUnderCurve(each.accuracy) })).sort((a, b) => a.area - b.area);
  const median = sorted[sorted.length >> 1]?.area ?? 0;
  const ends = [...sorted.slice(0, standing / 2), ...sorted.slice(-standing / 2)];
  return ends.filter(({ area }) => Math.abs(area - median) > coincident).map(({ each }) => each);
}

/** Mean at each step that all curves have. */
function meanCurve(curves: readonly ClassSetCurve[]): Float64Array {
  return stepwise(curves, (values) => values.reduce((sum, value) => sum + value, 0) / values.length);
}

function stepwise(curves: readonly ClassSetCurve[], of: (sorted: Float64Array) => number): Float64Array {
  const steps = Math.min(...curves.map(({ accuracy }) => accuracy.length), Infinity);
  return Float64Array.from({ length: Number.isFinite(steps) ? steps : 0 }, (_, step) =>
    of(Float64Array.from(curves, ({ accuracy }) => accuracy[step]).sort()),
  );
}

/** Area under a curve over equally spaced steps, divided by its length (trapezoid rule); NaN for an empty one. */
export function areaUnderCurve(values: ArrayLike<number>): number {
  if (values.length < 2) return values.length === 1 ? values[0] : Number.NaN;
  let sum = 0;
  for (let step = 1; step < values.length; step++) sum += (values[step - 1] + values[step]) / 2;
  return sum / (values.length - 1);
}
