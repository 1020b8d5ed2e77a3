/** Bars: horizontal ones with names beside them, and vertical groups with intervals. */
import { type Box, drawPlot, fittingLabel } from "./frame.ts";
import { formatNumber, linearScale, type Scale, ticksOf } from "./scale.ts";
import { decimal, linePath, tag } from "./svg.ts";
import { textAt, textWidth, wrapText } from "./text-layout.ts";
import { fillOf, strokeOf } from "./theme.ts";

/** Height of one horizontal bar with its distance to the next. */
export const barRowHeight = 18;

/** A horizontal bar, or a line of text between bars where `value` is missing. */
export interface Bar {
  readonly name: string;
  readonly value?: number;
  readonly series?: number;
  /** Written at the bar's end. */
  readonly text?: string;
  /** Pale with an outline instead of filled. */
  readonly pale?: boolean;
}

/** Height that `drawBars` needs for so many bars. */
export function barsHeight(count: number, { label = true }: { label?: boolean } = {}): number {
  return count * barRowHeight + (label ? 44 : 26);
}

/**
 * Horizontal bars from zero, in the order given, names to the left, the value's text beyond the bar's end.
 * @param domain values that the widest bars reach; zero must be inside.
 */
export function drawBars(
  box: Box,
  bars: readonly Bar[],
  {
    domain,
    label,
    ticks,
    format = formatNumber,
    reference,
  }: {
    domain: readonly [number, number];
    label?: string | readonly string[];
    ticks?: readonly number[];
    format?: (value: number) => string;
    /** A dashed vertical line at a value; texts that it would run through stand beyond it, or interrupt it. */
    reference?: number | undefined;
  },
): string {
  const named = bars.filter(({ value }) => value !== undefined);
  const nameWidth = Math.min(box.width * 0.45, Math.max(0, ...named.map(({ name }) => textWidth(name))));
  const roomFor = (side: (value: number) => boolean): number => {
    const texts = named.filter(({ value = 0 }) => side(value)).map(({ text = "" }) => textWidth(text, "small") + 6);
    return Math.max(2, ...texts);
  };
  const leftRoom = roomFor((value) => value < 0);
  const rightRoom = roomFor((value) => !(value < 0));
  const left = box.x + nameWidth + 8 + (domain[0] < 0 ? leftRoom : 0);
  const right = box.x + box.width - rightRoom;
  const inner: Box = { x: left, y: box.y, width: right - left, height: bars.length * barRowHeight };
  const toX = linearScale(domain, [left, right]);
  const parts: string[] = [];
  const base = inner.y + inner.height + 3;
  for (const tick of ticks ?? niceTicks(domain, inner.width, format)) {
    const at = toX(tick);
    parts.push(tag("line", { class: "grid", x1: at, x2: at, y1: inner.y, y2: base }));
    parts.push(textAt(at, base + 14, format(tick), { anchor: "middle", className: "muted" }));
  }
  const labels: string[] = [];
  const line = reference !== undefined && Number.isFinite(reference) ? toX(reference) : undefined;
  const isOn = (x: number, one: number, other: number): boolean =>
    x > Math.min(one, other) - 3 && x < Math.max(one, other) + 3;
  const wide: { row: number; from: number; to: number }[] = [];
  /** A vertical line that texts between the bars interrupt. */
  const vertical = (x: number): string => {
    const free = bars.map((_, row) => !wide.some((each) => each.row === row && isOn(x, each.from, each.to)));
    return free
      .map((isFree, row) => {
        if (!isFree || free[row - 1]) return "";
        const end = free.indexOf(false, row);
        return `M${decimal(x)},${decimal(inner.y + row * barRowHeight)}V${decimal(end < 0 ? base : inner.y + end * barRowHeight)}`;
      })
      .join("");
  };
  for (const [at, { name, value, text = "", series = 0, pale }] of bars.entries()) {
    const top = inner.y + at * barRowHeight;
    const middle = top + barRowHeight / 2;
    if (value === undefined) {
      labels.push(textAt(box.x + 4, middle + 4, name, { className: "muted halo", width: box.width - 4 }));
      wide.push({ row: at, from: box.x + 4, to: box.x + 4 + textWidth(name) });
      continue;
    }
    parts.push(textAt(box.x + nameWidth, middle + 4, name, { anchor: "end", width: nameWidth }));
    if (!Number.isFinite(value)) {
      labels.push(textAt(toX(0) + 5, middle + 3.5, "no images", { className: "muted small halo" }));
      wide.push({ row: at, from: toX(0) + 5, to: toX(0) + 5 + textWidth("no images", "small") });
      continue;
    }
    const [low, high] = [Math.min(0, value), Math.max(0, value)];
    parts.push(
      tag("rect", {
        class: pale ? `${fillOf(series)} ${strokeOf(series)}` : fillOf(series),
        ...(pale && { "fill-opacity": 0.15, "stroke-width": 0.8, "stroke-opacity": 0.7 }),
        x: toX(low),
        y: top + 3,
        width: Math.max(0.5, toX(high) - toX(low)),
        height: barRowHeight - 6,
      }),
    );
    const side = value < 0 ? -1 : 1;
    const end = toX(value) + 4 * side;
    const isOnLine = line !== undefined && isOn(line, end, end + side * textWidth(text, "small"));
    const place = isOnLine ? line + 4 * side : end;
    labels.push(textAt(place, middle + 3.5, text, { anchor: value < 0 ? "end" : "start", className: "small halo" }));
  }
  parts.push(tag("path", { class: "none axis", d: vertical(toX(0)) }));
  if (line !== undefined) {
    parts.push(tag("path", { class: "none reference", d: vertical(line), "stroke-dasharray": "4 3" }));
  }
  parts.push(...labels);
  if (label !== undefined) {
    const shown = fittingLabel(label, inner.width + leftRoom + rightRoom);
    const middle = Math.min((left + right) / 2, box.x + box.width - textWidth(shown, "label") / 2);
    parts.push(textAt(middle, base + 32, shown, { anchor: "middle", className: "label" }));
  }
  return tag("g", {}, ...parts);
}

/** One series of grouped bars: a value per group, with an interval. */
export interface BarSeries {
  readonly label: string;
  readonly series: number;
  readonly values: ArrayLike<number>;
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
}

/** Vertical bars, one group per name, one bar per series, intervals as whiskers; `lines` are horizontal references. */
export function drawGroupedBars(
  box: Box,
  groups: readonly string[],
  series: readonly BarSeries[],
  {
    domain,
    label,
    format = formatNumber,
    lines = [],
  }: {
    domain: readonly [number, number];
    label: string | readonly string[];
    format?: (value: number) => string;
    lines?: readonly { value: number; dash: string }[];
  },
): string {
  const names = groups.map((group) => wrapText(group, (box.width - 60) / groups.length - 6, { lines: 2 }));
  const nameLines = Math.max(1, ...names.map((each) => each.length));
  const plotBox = { ...box, height: box.height - 14 * (nameLines - 1) };
  return drawPlot(
    plotBox,
    { x: { domain: [0, groups.length], ticks: [] }, y: { domain, label, format } },
    (toX: Scale, toY: Scale, area) => {
      const parts: string[] = [];
      const barWidth = Math.min(34, (0.78 * (toX(1) - toX(0))) / series.length);
      for (const [group, nameParts] of names.entries()) {
        const centre = toX(group + 0.5);
        for (const [line, text] of nameParts.entries()) {
          parts.push(textAt(centre, area.y + area.height + 16 + 14 * line, text, { anchor: "middle" }));
        }
        for (const [at, { series: index, values, low, high }] of series.entries()) {
          const value = values[group] ?? Number.NaN;
          if (!Number.isFinite(value)) continue;
          const x = centre + (at - series.length / 2) * barWidth + 1;
          const height = Math.abs(toY(0) - toY(value));
          parts.push(
            tag("rect", { class: fillOf(index), x, y: Math.min(toY(0), toY(value)), width: barWidth - 2, height }),
          );
          const [from, to] = [low?.[group] ?? Number.NaN, high?.[group] ?? Number.NaN];
          if (!(to > from)) continue;
          const middle = x + barWidth / 2 - 1;
          const whisker = [
            linePath([
              [middle - 3, toY(to)],
              [middle + 3, toY(to)],
            ]),
            linePath([
              [middle, toY(to)],
              [middle, toY(from)],
            ]),
            linePath([
              [middle - 3, toY(from)],
              [middle + 3, toY(from)],
            ]),
          ].join("");
          parts.push(tag("path", { class: "none reference", d: whisker }));
        }
      }
      for (const { value, dash } of lines) {
        const y = toY(value);
        const ends = { x1: area.x, x2: area.x + area.width, y1: y, y2: y };
        parts.push(tag("line", { class: "reference", ...ends, "stroke-dasharray": dash }));
      }
      return parts.join("");
    },
  );
}

/** Round ticks that keep apart. */
function niceTicks(domain: readonly [number, number], width: number, format: (value: number) => string): number[] {
  for (let count = Math.max(2, Math.floor(width / 55)); count > 1; count--) {
    const ticks = ticksOf(domain[0], domain[1], count);
    const widest = Math.max(...ticks.map((tick) => textWidth(format(tick))));
    if (ticks.length * (widest + 8) <= width + widest) return ticks;
  }
  return [0];
}
