/** The frame that all figures share: title, subtitle, legend, a grid of panels, a note; and the axes of a panel. */
import { formatNumber, linearScale, type Scale, ticksOf } from "./scale.ts";
import { escapeText, tag } from "./svg.ts";
import { fitText, textAt, textWidth, wrapText } from "./text-layout.ts";
import { dashOf, fillOf, strokeOf, styleSheet } from "./theme.ts";

/** A rectangle in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One entry of a legend. */
export interface LegendEntry {
  readonly label: string;
  readonly series: number;
  /** How the series is drawn: a line, a band around nothing, a filled box, an outlined box, a grey band. */
  readonly mark: "line" | "band" | "box" | "outline" | "shade" | "dot";
  /** Dashes of a line; the series' own when absent. */
  readonly dash?: string | undefined;
}

/** One plot of a figure. */
export interface Panel {
  readonly title?: string;
  /** Draws into the box that is left under the title. */
  draw(box: Box): string;
}

/** A figure: texts around panels in a grid, row by row. */
export interface Figure {
  readonly title: string;
  /** What is shown, and the sign convention. */
  readonly subtitle?: string;
  readonly legend?: readonly LegendEntry[];
  readonly panels: readonly Panel[];
  readonly columns?: number;
  /** Only the first panel of a row has a vertical label; the plots are as wide as each other all the same. */
  readonly sharedLabel?: boolean;
  /** Height of each row of panels, titles included. */
  readonly panelHeight: number;
  readonly width?: number;
  readonly note?: string;
}

const margin = 16;
const gap = 18;
const labelWidth = 18;

/** The figure as a self-contained SVG file. */
export function renderFigure(figure: Figure): string {
  const { title, subtitle, legend = [], panels, columns = panels.length, panelHeight, width = 760, note } = figure;
  const extra = figure.sharedLabel && columns > 1 ? labelWidth : 0;
  const inner = width - 2 * margin;
  const parts: string[] = [];
  let y = margin - 5;
  for (const line of wrapText(title, inner, { className: "title", lines: 3 })) {
    y += 18;
    parts.push(textAt(margin, y, line, { className: "title" }));
  }
  y += 8;
  for (const line of wrapText(subtitle ?? "", inner, { className: "muted" })) {
    y += 15;
    parts.push(textAt(margin, y - 3, line, { className: "muted" }));
  }
  if (legend.length > 0) {
    const drawn = drawLegend(legend, { x: margin, y: y + 8, width: inner, height: 0 });
    parts.push(drawn.svg);
    y += 8 + drawn.height;
  }
  y += 8;
  const panelWidth = (inner - gap * (columns - 1) - extra) / columns;
  for (const [at, panel] of panels.entries()) {
    const column = at % columns;
    const x = margin + column * (panelWidth + gap) + (column === 0 ? 0 : extra);
    const wide = panelWidth + (column === 0 ? extra : 0);
    const top = y + Math.floor(at / columns) * (panelHeight + gap);
    const titleHeight = panel.title === undefined ? 0 : 20;
    if (panel.title !== undefined) {
      parts.push(textAt(x, top + 12, panel.title, { className: "panel", width: wide, keep: "ends" }));
    }
    parts.push(panel.draw({ x, y: top + titleHeight, width: wide, height: panelHeight - titleHeight }));
  }
  const rows = Math.ceil(panels.length / columns);
  y += rows * panelHeight + (rows - 1) * gap;
  for (const line of wrapText(note ?? "", inner, { className: "muted small" })) {
    y += 14;
    parts.push(textAt(margin, y, line, { className: "muted small" }));
  }
  return svgFile({ title, width, height: Math.ceil(y + margin), description: subtitle ?? "" }, parts.join("\n"));
}

/** A whole SVG file around a drawing. */
export function svgFile(
  { title, description, width, height }: { title: string; description: string; width: number; height: number },
  body: string,
): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    tag("title", {}, escapeText(title)),
    description === "" ? "" : tag("desc", {}, escapeText(description)),
    tag("style", {}, styleSheet),
    tag("rect", { class: "background", width, height }),
    body,
    "</svg>",
  ]
    .filter((line) => line !== "")
    .join("\n")}\n`;
}

/** A legend in as many lines as it needs. */
export function drawLegend(entries: readonly LegendEntry[], box: Box): { svg: string; height: number } {
  const lineHeight = 18;
  let { x, y } = box;
  const parts: string[] = [];
  for (const { label, series, mark, dash = dashOf(series) } of entries) {
    const wide = mark === "box" || mark === "outline" || mark === "dot" ? 12 : 22;
    const width = Math.min(wide + 8 + textWidth(label), box.width);
    if (x > box.x && x + width > box.x + box.width) {
      x = box.x;
      y += lineHeight;
    }
    const middle = y + 8;
    const fill = mark === "shade" ? "shade" : fillOf(series);
    if (mark === "band" || mark === "shade") {
      parts.push(tag("rect", { class: fill, "fill-opacity": 0.22, x, y: middle - 5, width: 22, height: 10 }));
    } else if (mark === "box" || mark === "outline") {
      const outline = mark === "outline" ? { "fill-opacity": 0.18, "stroke-width": 1 } : {};
      const className = mark === "outline" ? `${fill} ${strokeOf(series)}` : fill;
      parts.push(tag("rect", { class: className, x, y: middle - 5, width: 12, height: 10, ...outline }));
    } else if (mark === "dot") parts.push(tag("circle", { class: fill, cx: x + 6, cy: middle, r: 4 }));
    else
      parts.push(
        tag("path", {
          class: `none ${strokeOf(series)}`,
          d: `M${x},${middle}h22`,
          "stroke-width": 2,
          "stroke-dasharray": dash,
        }),
      );
    parts.push(textAt(x + wide + 6, middle + 4, label, { width: box.width - wide - 8 }));
    x += width + 16;
  }
  return { svg: parts.join(""), height: y - box.y + lineHeight };
}

/** One axis of a plot. */
export interface Axis {
  readonly domain: readonly [number, number];
  /** The label, or several from long to short: the first that fits is taken. */
  readonly label?: string | readonly string[];
  /** Where ticks are; round values by default. */
  readonly ticks?: readonly number[];
  readonly format?: (value: number) => string;
}

/** Draws axes, grid and labels, and inside them what `draw` returns; returns one group. */
export function drawPlot(
  box: Box,
  { x, y }: { x: Axis; y: Axis },
  draw: (toX: Scale, toY: Scale, area: Box) => string,
): string {
  const xFormat = x.format ?? formatNumber;
  const yFormat = y.format ?? formatNumber;
  const yTicks = y.ticks ?? ticksOf(y.domain[0], y.domain[1], Math.max(2, Math.floor(box.height / 45)));
  const tickWidth = Math.max(...yTicks.map((tick) => textWidth(yFormat(tick))));
  const left = tickWidth + 8 + (y.label === undefined ? 0 : labelWidth);
  const bottom = 18 + (x.label === undefined ? 0 : 17);
  const wide = box.width - left - 6;
  const xTicks = x.ticks ?? ticksOf(x.domain[0], x.domain[1], Math.max(2, Math.floor(wide / 60)));
  // The last tick's number is centred under the end of the axis; it may use the margin, not more.
  const beyond = Math.max(0, textWidth(xFormat(xTicks.at(-1) ?? 0)) / 2 - 6 - margin / 2);
  const area = { x: box.x + left, y: box.y + 6, width: wide - beyond, height: box.height - bottom - 6 };
  const toX = linearScale(x.domain, [area.x, area.x + area.width]);
  const toY = linearScale(y.domain, [area.y + area.height, area.y]);
  const parts: string[] = [];
  for (const tick of yTicks) {
    const at = toY(tick);
    const zero = tick === 0 && y.domain[0] < 0;
    parts.push(tag("line", { class: zero ? "axis" : "grid", x1: area.x, x2: area.x + area.width, y1: at, y2: at }));
    parts.push(textAt(area.x - 6, at + 4, yFormat(tick), { anchor: "end", className: "muted" }));
  }
  const base = area.y + area.height;
  parts.push(tag("line", { class: "axis", x1: area.x, x2: area.x + area.width, y1: base, y2: base }));
  for (const tick of xTicks) {
    const at = toX(tick);
    parts.push(tag("line", { class: "axis", x1: at, x2: at, y1: base, y2: base + 4 }));
    parts.push(textAt(at, base + 16, xFormat(tick), { anchor: "middle", className: "muted" }));
  }
  if (x.label !== undefined) {
    const middle = area.x + area.width / 2;
    parts.push(textAt(middle, base + 33, fittingLabel(x.label, area.width), { anchor: "middle", className: "label" }));
  }
  if (y.label !== undefined) {
    const label = fittingLabel(y.label, box.height);
    const middle = Math.max(box.y + textWidth(label, "label") / 2, area.y + area.height / 2);
    parts.push(textAt(box.x + 10, middle, label, { anchor: "middle", rotate: -90, className: "label" }));
  }
  return tag("g", {}, ...parts, draw(toX, toY, area));
}

/** The first label that fits, or the last one cut. */
export function fittingLabel(label: string | readonly string[], width: number): string {
  const choices = typeof label === "string" ? [label] : label;
  const last = choices.at(-1) ?? "";
  return choices.find((choice) => textWidth(choice, "label") <= width) ?? fitText(last, width, "label");
}

/** A panel that has nothing to show says why. */
export function drawEmpty(box: Box, reason: string): string {
  const lines = wrapText(reason, box.width - 24);
  const top = box.y + box.height / 2 - (lines.length - 1) * 8;
  return tag(
    "g",
    {},
    tag("rect", {
      class: "none grid",
      x: box.x + 0.5,
      y: box.y + 0.5,
      width: box.width - 1,
      height: box.height - 1,
      "stroke-dasharray": "4 4",
    }),
    ...lines.map((line, at) =>
      textAt(box.x + box.width / 2, top + at * 16 + 4, line, { anchor: "middle", className: "muted" }),
    ),
  );
}
