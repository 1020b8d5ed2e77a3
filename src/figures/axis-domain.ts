/**
 * The part of an axis that is drawn: all values, unless a few of them are so far out that the others would be one line.
 * Tukey's fences, far wider than for a box plot, since the largest drops are what the figures are about.
 */
import { extentOf, formatPoints } from "./scale.ts";
import { decimal, tag } from "./svg.ts";

/** Values further than so many inner spans (10 % to 90 %) from the inner ones are beyond the axis. */
const reach = 6;
/** More of them than this share are no outliers. */
const mostOutliers = 0.05;
/** Fewer values have none. */
const fewestValues = 12;

/** A range of values, and how many lie outside it. */
export interface AxisDomain {
  readonly low: number;
  readonly high: number;
  /** Values outside, and the farthest of them. */
  readonly beyond: number;
  readonly farthest: number;
}

/**
 * The range to draw, without far outliers.
 * @param series values; those that are not finite are ignored.
 * @param include values that must be inside.
 */
export function axisDomain(series: Iterable<ArrayLike<number>>, include: readonly number[] = []): AxisDomain {
  const all = Array.from(series, (values) => Array.from(values)).flat();
  const values = Float64Array.from(all.filter(Number.isFinite)).sort();
  const [low, high] = extentOf([values], include);
  const inner = [0.1, 0.9].map((share) => values[Math.round(share * (values.length - 1))]) as [number, number];
  const [from, to] = extentOf([inner], include);
  const span = to - from;
  const isInside = (value: number): boolean => value >= from - reach * span && value <= to + reach * span;
  const outside = values.filter((value) => !isInside(value));
  const isCut = values.length >= fewestValues && span > 0 && outside.length <= mostOutliers * values.length;
  if (!isCut || outside.length === 0) return { low, high, beyond: 0, farthest: Number.NaN };
  const [innerLow, innerHigh] = extentOf([values.filter(isInside)], include);
  return { low: innerLow, high: innerHigh, beyond: outside.length, farthest: farthestOf(outside) };
}

/** One range for several. */
export function joinDomains(domains: readonly AxisDomain[]): AxisDomain {
  const [low, high] = extentOf(domains.map((domain) => [domain.low, domain.high]));
  const cut = domains.filter(({ farthest }) => farthest < low || farthest > high);
  return {
    low,
    high,
    beyond: cut.reduce((sum, domain) => sum + domain.beyond, 0),
    farthest: farthestOf(cut.map(({ farthest }) => farthest)),
  };
}

/** The value, or the end of the domain that it is beyond. */
export function clampTo([low, high]: readonly [number, number], value: number): number {
  return Math.min(high, Math.max(low, value));
}

/** How many values lie outside what is drawn, and the farthest of them. */
export type Cut = Pick<AxisDomain, "beyond" | "farthest">;

/** What of `values` a drawn domain leaves out; those that are not finite are ignored. */
export function cutBy(drawn: readonly [number, number], values: ArrayLike<number>): Cut {
  const outside = Array.from(values).filter((value) => Number.isFinite(value) && clampTo(drawn, value) !== value);
  return { beyond: outside.length, farthest: farthestOf(outside) };
}

/** A triangle at the edge of a plot that points to where a value would be. */
export function edgeMark(x: number, y: number, toward: "up" | "down" | "left" | "right", className: string): string {
  const turn = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] }[toward] as [number, number];
  const [along, across] = [6, 4];
  const tip = [x + along * turn[0], y + along * turn[1]] as const;
  const sides = [-1, 1].map(
    (side) => `L${decimal(x + side * across * turn[1])},${decimal(y + side * across * turn[0])}`,
  );
  return tag("path", { class: `${className} halo`, d: `M${decimal(tip[0])},${decimal(tip[1])}${sides.join("")}Z` });
}

/** What a figure says about drops beyond its axes; empty if there are none. */
export function beyondNote(cuts: readonly Cut[], what: string): string {
  const beyond = cuts.reduce((sum, cut) => sum + cut.beyond, 0);
  if (beyond === 0) return "";
  const farthest = farthestOf(cuts.filter((cut) => cut.beyond > 0).map((cut) => cut.farthest));
  return `Triangles: ${beyond} ${what}${beyond === 1 ? "" : "s"} beyond the axis, the farthest at ${formatPoints(farthest, 1)} points.`;
}

function farthestOf(values: Iterable<number>): number {
  let farthest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(farthest)) farthest = value;
  return farthest;
}

/** Why class drops are not drawn where no class has a second image. */
export const oneImageReason =
  "One image a class: every class drop is 0 or ±100 points, so the largest says nothing. Measure on more images of every class.";
