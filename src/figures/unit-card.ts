/**
 * Figure 1, a unit's card: the images that drive the unit most, outlined where its response is strong; its attributes;
 * the classes that its removal changes most; and the images that were right before and wrong after, with both predictions.
 *
 * Sign: drops are accuracy before minus after, positive means damage.
 */
import { barRowHeight, barsHeight, drawBars } from "./bars.ts";
import { type Box, drawEmpty, svgFile } from "./frame.ts";
import { extentOf, formatPoints } from "./scale.ts";
import { decimal, escapeText, tag } from "./svg.ts";
import { fitText, textAt, wrapText } from "./text-layout.ts";
import { type ClassDrop, classBars } from "./unit-drops.ts";

/** Where the response is above the unit's threshold: 1 inside, 0 outside, row-major `[height, width]` over the image. */
export interface Region {
  readonly width: number;
  readonly height: number;
  readonly inside: ArrayLike<number>;
}

/** A picture on a card. */
export interface CardImage {
  /** The pixels, as a `data:` URI so that the card is one file. */
  readonly href: string;
  /** Side of the picture in its own pixels; small ones are drawn with hard edges. */
  readonly pixels: number;
  /** True class. */
  readonly label: string;
  readonly region?: Region;
  /** Predicted class before and after the ablation. */
  readonly before?: string;
  readonly after?: string;
}

/** What a card shows. */
export interface UnitCard {
  readonly layer: string;
  readonly unit: number;
  readonly overall: number;
  /** The strongest images, the strongest first. */
  readonly top: readonly CardImage[];
  /** Images right before and wrong after, the most hurt first. */
  readonly hurt: readonly CardImage[];
  /** Name and value of each attribute as it is to be read: `class selectivity`, `0.61 (dog); by chance 0.12`. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  readonly classes: readonly ClassDrop[];
}

const width = 760;
const margin = 16;
const inner = width - 2 * margin;
const tileGap = 8;

/** Draws a unit's card. */
export function unitCardFigure(
  { layer, unit, overall, top, hurt, attributes, classes }: UnitCard,
  { source, alpha = 0.05, maxBars = 10 }: { source?: string; alpha?: number; maxBars?: number } = {},
): string {
  const tested = classes.some(({ qValue }) => qValue !== undefined);
  const survivors = classes.filter(({ qValue }) => qValue !== undefined && qValue <= alpha).length;
  const effects = tested
    ? ` ${survivors} class effect${survivors === 1 ? "" : "s"} survive${survivors === 1 ? "s" : ""} (q\u00a0≤\u00a0${alpha}, *).`
    : "";
  const title = `${layer}, unit ${unit}`;
  const subtitle = `${source === undefined ? "" : `${source}. `}Removing it costs ${formatPoints(overall, 2)} points of accuracy over all images.${effects}`;
  const parts: string[] = [];
  let y = margin - 4;
  for (const line of wrapText(title, inner, { className: "title", lines: 3 })) {
    y += 18;
    parts.push(textAt(margin, y, line, { className: "title" }));
  }
  y += 6;
  for (const line of wrapText(subtitle, inner, { className: "muted" })) {
    parts.push(textAt(margin, y + 12, line, { className: "muted" }));
    y += 15;
  }
  const section = (heading: string, x: number, top: number): number => {
    parts.push(textAt(x, top + 20, heading, { className: "panel" }));
    return top + 30;
  };
  y = section("Images with the strongest response, outlined where it is strong", margin, y + 4);
  y = drawRow(parts, top, y, "No image makes this unit respond.");
  const bars = classBars(classes, { factor: 1, alpha, maxBars, tested });
  const half = (inner - 24) / 2;
  const tableTop = section("Attributes", margin, y + 4);
  section("Classes that change most", margin + half + 24, y + 4);
  const table = attributeTable(attributes, half);
  const height = Math.max(barsHeight(Math.max(2, bars.length)), table.height);
  parts.push(table.draw({ x: margin, y: tableTop, width: half, height }));
  const barBox: Box = { x: margin + half + 24, y: tableTop, width: half, height };
  const domain = extentOf([classes.map(({ drop }) => drop)], [0]);
  parts.push(
    classes.length === 0
      ? drawEmpty(barBox, "No class drops were measured.")
      : drawBars(barBox, bars, {
          domain: domain[0] === domain[1] ? [0, 0.01] : domain,
          label: ["class drop (points, positive = damage)", "class drop (points)"],
          format: (drop) => formatPoints(drop),
        }),
  );
  y = section(
    "Images that were right before and are wrong after: true class, then the new prediction",
    margin,
    tableTop + height + 6,
  );
  y = drawRow(parts, hurt, y, "Removing this unit makes no image wrong.");
  return svgFile({ title, description: subtitle, width, height: Math.ceil(y + margin) }, parts.join("\n"));
}

/**
 * Path data of the outline of a region, along the edges between cells inside and cells outside.
 * @param place where an edge is drawn, as text: cells by default.
 */
export function regionOutline(
  { width: columns, height: rows, inside }: Region,
  place: { readonly x: (cell: number) => string; readonly y: (cell: number) => string } = { x: String, y: String },
): string {
  const at = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < columns && y < rows && inside[y * columns + x] === 1;
  let path = "";
  for (let y = 0; y <= rows; y++) {
    for (let x = 0; x < columns; ) {
      let end = x;
      while (end < columns && at(end, y) !== at(end, y - 1)) end++;
      if (end > x) path += `M${place.x(x)},${place.y(y)}H${place.x(end)}`;
      x = Math.max(end, x + 1);
    }
  }
  for (let x = 0; x <= columns; x++) {
    for (let y = 0; y < rows; ) {
      let end = y;
      while (end < rows && at(x, end) !== at(x - 1, end)) end++;
      if (end > y) path += `M${place.x(x)},${place.y(y)}V${place.y(end)}`;
      y = Math.max(end, y + 1);
    }
  }
  return path;
}

/** Area of a region divided by half its outline, in cells: half the width of a strip, the radius of a disc. */
function thickness({ width: columns, height: rows, inside }: Region): number {
  let [area, edges] = [0, 0];
  for (let cell = 0; cell < columns * rows; cell++) {
    if (inside[cell] !== 1) continue;
    area++;
    const [x, y] = [cell % columns, Math.floor(cell / columns)];
    edges += x === 0 || inside[cell - 1] !== 1 ? 2 : 0;
    edges += y === 0 || inside[cell - columns] !== 1 ? 2 : 0;
  }
  return edges === 0 ? 0 : (2 * area) / edges;
}

/** Draws a row of pictures; returns where it ends. */
function drawRow(parts: string[], images: readonly CardImage[], top: number, whenEmpty: string): number {
  if (images.length === 0) {
    parts.push(drawEmpty({ x: margin, y: top, width: inner, height: 56 }, whenEmpty));
    return top + 56;
  }
  const perRow = Math.min(10, Math.max(7, images.length));
  const size = (inner - tileGap * (perRow - 1)) / perRow;
  const withPredictions = images.some(({ after }) => after !== undefined);
  const rowHeight = size + (withPredictions ? 34 : 20) + 4;
  for (const [at, image] of images.entries()) {
    const x = margin + (at % perRow) * (size + tileGap);
    const y = top + Math.floor(at / perRow) * rowHeight;
    parts.push(drawTile(image, x, y, size));
  }
  return top + Math.ceil(images.length / perRow) * rowHeight;
}

function drawTile(
  { href, pixels, label, region, before, after }: CardImage,
  x: number,
  y: number,
  size: number,
): string {
  const rendering = pixels < 64 ? { style: "image-rendering:pixelated" } : {};
  const captions = [textAt(x, y + size + 13, fitText(label, size, "small"), { className: "small" })];
  if (after !== undefined) {
    const arrow = before === undefined || before === label ? `→ ${after}` : `${before} → ${after}`;
    captions.push(textAt(x, y + size + 26, fitText(arrow, size, "small"), { className: "small muted" }));
  }
  const tooltip = [
    label,
    ...(before === undefined ? [] : [`predicted ${before}`]),
    ...(after === undefined ? [] : [`then ${after}`]),
  ].join(", ");
  return tag(
    "g",
    {},
    tag("title", {}, escapeText(tooltip)),
    tag("image", { href, x, y, width: size, height: size, preserveAspectRatio: "none", ...rendering }),
    tag("rect", { class: "none grid", x, y, width: size, height: size }),
    ...(region ? drawRegion(region, x, y, size) : []),
    ...captions,
  );
}

/**
 * Dims what is outside the region and draws its outline, black under white so that it shows on any picture. The lines
 * are thin where the region is, so that the picture stays to be seen, and end inside the picture.
 */
function drawRegion(region: Region, x: number, y: number, size: number): string[] {
  const [cellWidth, cellHeight] = [size / region.width, size / region.height];
  const transform = `translate(${decimal(x)} ${decimal(y)}) scale(${cellWidth.toFixed(5)} ${cellHeight.toFixed(5)})`;
  let outside = "";
  for (let row = 0; row < region.height; row++) {
    for (let column = 0; column < region.width; ) {
      let end = column;
      while (end < region.width && region.inside[row * region.width + end] !== 1) end++;
      if (end > column) outside += `M${column},${row}H${end}V${row + 1}H${column}Z`;
      column = Math.max(end, column + 1);
    }
  }
  const white = Math.min(1.2, Math.max(0.5, 0.22 * thickness(region) * Math.min(cellWidth, cellHeight)));
  const black = 2 * white;
  const within = (start: number, cell: number, step: number): string =>
    decimal(Math.min(start + size - black / 2, Math.max(start + black / 2, start + cell * step)));
  const line = {
    class: "none",
    d: regionOutline(region, {
      x: (cell) => within(x, cell, cellWidth),
      y: (cell) => within(y, cell, cellHeight),
    }),
    "stroke-linecap": "square",
  };
  return [
    tag("path", { d: outside, fill: "#000", "fill-opacity": 0.4, transform, "shape-rendering": "crispEdges" }),
    tag("path", { ...line, stroke: "#000", "stroke-width": black }),
    tag("path", { ...line, stroke: "#fff", "stroke-width": white }),
  ];
}

const valueLineHeight = 14;

/** Names and values side by side; a value that is wider than its column goes on below, never cut. */
function attributeTable(
  attributes: UnitCard["attributes"],
  width: number,
): { height: number; draw: (box: Box) => string } {
  const rows = attributes.map(({ name, value }) => ({ name, lines: wrapText(value, width * 0.6) }));
  const heightOf = (lines: readonly string[]): number => barRowHeight + valueLineHeight * Math.max(0, lines.length - 1);
  const draw = (box: Box): string => {
    if (rows.length === 0) return drawEmpty(box, "No attributes yet; run: unitscope attributes RUN");
    let top = box.y;
    const drawn = rows.map(({ name, lines }) => {
      const baseline = top + 13;
      top += heightOf(lines);
      return [
        textAt(box.x, baseline, name, { className: "muted", width: width * 0.38 }),
        ...lines.map((line, at) => textAt(box.x + width * 0.4, baseline + at * valueLineHeight, line)),
        tag("line", { class: "grid", x1: box.x, x2: box.x + width, y1: top, y2: top }),
      ].join("");
    });
    return tag("g", {}, ...drawn);
  };
  return { height: rows.reduce((sum, { lines }) => sum + heightOf(lines), 0), draw };
}
