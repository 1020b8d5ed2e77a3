/** Lines with bands, their legend beside the plot, and curves of values sorted by rank over several samples. */
import { bandShares } from "./band-note.ts";
import { type Axis, type Box, drawPlot } from "./frame.ts";
import type { Scale } from "./scale.ts";
import { bandPath, decimal, linePath, type Point, tag } from "./svg.ts";
import { textAt, textWidth } from "./text-layout.ts";
import { dashOf, fillOf, strokeOf } from "./theme.ts";

/** A line of `y` over `x`, with a band from `low` to `high`; NaN interrupts it. Read only. */
export interface Curve {
  readonly label: string;
  /** A number beside the label in a legend column: the area under the curve. */
  readonly value?: string;
  /** Colour and, beyond the colours, dashes. */
  readonly series: number;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly low?: ArrayLike<number> | undefined;
  readonly high?: ArrayLike<number> | undefined;
  readonly dash?: string | undefined;
  /** Marks every point; good for few points. */
  readonly dots?: boolean;
}

/** Draws bands under lines under points. */
export function drawCurves(curves: readonly Curve[], toX: Scale, toY: Scale): string {
  const bands: string[] = [];
  const lines: string[] = [];
  for (const { series, x, y, low, high, dash = dashOf(series), dots } of curves) {
    const points = (values: ArrayLike<number>): Point[] =>
      Array.from(x, (value, at): Point => [toX(value), toY(values[at] ?? Number.NaN)]);
    if (low && high)
      bands.push(tag("path", { class: fillOf(series), "fill-opacity": 0.18, d: bandPath(points(high), points(low)) }));
    const line = points(y);
    lines.push(
      tag("path", {
        class: `none ${strokeOf(series)}`,
        d: linePath(line),
        "stroke-width": 1.7,
        "stroke-linejoin": "round",
        "stroke-dasharray": dash,
      }),
    );
    if (!dots) continue;
    for (const [cx, cy] of line)
      if (Number.isFinite(cy)) lines.push(tag("circle", { class: fillOf(series), cx, cy, r: 2.3 }));
  }
  return [...bands, ...lines].join("");
}

/** A plot of curves with its legend in a column to the right, where long names have room. */
export function drawCurvesWithLegend(
  box: Box,
  axes: { x: Axis; y: Axis },
  curves: readonly Curve[],
  { valueTitle = "", under }: { valueTitle?: string; under?: (toX: Scale, toY: Scale, area: Box) => string } = {},
): string {
  const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => textWidth(text)));
  const labelWidth = widest(curves.map(({ label }) => label));
  const valueWidth = widest([valueTitle, ...curves.map(({ value = "" }) => value)]);
  const legendWidth = Math.min(box.width * 0.45, Math.max(180, Math.ceil(14 + 29 + labelWidth + 12 + valueWidth) + 1));
  const top = box.y + (valueTitle === "" ? 12 : 30);
  const lineHeight = Math.min(19, (box.y + box.height - top) / Math.max(1, curves.length));
  const x = box.x + box.width - legendWidth + 14;
  const right = box.x + box.width;
  const plot = drawPlot({ ...box, width: box.width - legendWidth }, axes, (toX, toY, area) => {
    return (under?.(toX, toY, area) ?? "") + drawCurves(curves, toX, toY);
  });
  const legend = curves.map(({ label, value, series, dash = dashOf(series) }, at) => {
    const middle = top + at * lineHeight;
    const line = {
      class: `none ${strokeOf(series)}`,
      d: `M${decimal(x)},${decimal(middle)}h22`,
      "stroke-width": 2,
      "stroke-dasharray": dash,
    };
    return (
      tag("path", line) +
      textAt(x + 29, middle + 4, label, { width: right - x - 41 - valueWidth, keep: "ends" }) +
      (value === undefined ? "" : textAt(right, middle + 4, value, { anchor: "end" }))
    );
  });
  if (valueTitle !== "") legend.push(textAt(right, box.y + 15, valueTitle, { anchor: "end", className: "muted" }));
  return plot + legend.join("");
}

/** A curve over ranks with its spread over samples. */
export interface RankBand {
  /** Mean over samples of the value at each rank, the largest first. */
  readonly mean: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/**
 * Sorts each sample from large to small, and gives at every rank the mean over samples and a band (`bandShares`).
 *
 * @param samples one array of values per seed; only ranks that all have are kept, missing values are left out.
 */
export function rankBand(
  samples: readonly ArrayLike<number>[],
  { ascending = false }: { ascending?: boolean } = {},
): RankBand {
  const sorted = samples.map((sample) => {
    const values = Float64Array.from(sample).filter(Number.isFinite).sort();
    return ascending ? values : values.reverse();
  });
  const ranks = Math.min(...sorted.map((sample) => sample.length), Infinity);
  const count = Number.isFinite(ranks) ? ranks : 0;
  const [mean, low, high] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  const [from, to] = bandShares(samples.length);
  for (let rank = 0; rank < count; rank++) {
    const values = Float64Array.from(sorted, (sample) => sample[rank]).sort();
    mean[rank] = values.reduce((sum, value) => sum + value, 0) / values.length;
    low[rank] = quantile(values, from);
    high[rank] = quantile(values, to);
  }
  return { mean, low, high };
}

/** R's default quantile (type 7) of sorted values. */
export function quantile(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const value = sorted[below];
  return value + (at - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - value);
}

/** 1 … count, the ranks of a curve. */
export function ranksOf(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => at + 1);
}

/** Ticks for ranks 1 … last: the first, the last and round ones that keep away from them. */
export function rankTicks(last: number, width: number): number[] {
  if (last <= 10) return Array.from({ length: last }, (_, rank) => rank + 1);
  const wanted = Math.max(2, Math.floor(width / 70));
  const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000].find((s) => last / s <= wanted) ?? last;
  const round = Array.from({ length: Math.floor(last / step) }, (_, at) => (at + 1) * step);
  return [1, ...round.filter((tick) => tick > 1 + step * 0.4 && last - tick > step * 0.4), last];
}
