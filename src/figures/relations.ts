/**
 * Figure 5: each attribute of the units of a layer against their overall drop (upper row) and max class drop (lower
 * row), with the least-squares line and Pearson's r with its interval.
 *
 * Sign: positive means damage; `sign: "paper"` turns the drops, the lines and the coefficients around and says so.
 */
import { doubles, isMissing, rowsWhere, type Table, texts } from "../tables/table.ts";
import { attributeLabel } from "./attribute-label.ts";
import { type AxisDomain, axisDomain, clampTo, edgeMark, joinDomains } from "./axis-domain.ts";
import { type Box, drawEmpty, drawPlot, type Panel, renderFigure } from "./frame.ts";
import { extentOf, formatNumber, formatPoints } from "./scale.ts";
import { type DropSign, dropAxisLabel, dropFactor, signSentence } from "./sign.ts";
import { type Point, tag } from "./svg.ts";
import { textWidth } from "./text-layout.ts";
import { fillOf, strokeOf } from "./theme.ts";

/** How an attribute goes with a drop, in our sign; the interval is the 95 % one. */
export interface Relation {
  readonly pearson: number;
  readonly low: number;
  readonly high: number;
  readonly slope: number;
  readonly intercept: number;
}

/** One column of panels. */
export interface RelatedAttribute {
  readonly name: string;
  /** The attribute of every unit, NaN where it is missing. */
  readonly values: ArrayLike<number>;
  readonly overall?: Relation;
  readonly max?: Relation;
}

/** What figure 5 needs: the units of one layer (or of several, named so). */
export interface Relations {
  readonly layer: string;
  readonly overall: ArrayLike<number>;
  readonly max: ArrayLike<number>;
  readonly attributes: readonly RelatedAttribute[];
}

/**
 * Figure 5's input from a run's tables; `all` takes the units of all layers.
 * @param attributes columns of panels, in their order: those of the paper by default, or all if the run has none of them.
 */
export function relationsOf(
  units: Table,
  relations: Table,
  layer: string,
  { attributes: wanted }: { attributes?: readonly string[] } = {},
): Relations {
  const ofLayer = layer === "all" ? units : rowsWhere(units, "layer", layer);
  const rows = rowsWhere(relations, "layer", layer);
  const [attributes, drops] = [texts(rows, "attribute"), texts(rows, "drop")];
  const find = (attribute: string, drop: string): Relation | undefined => {
    const row = attributes.findIndex((name, at) => name === attribute && drops[at] === drop);
    if (row < 0) return undefined;
    const value = (column: string): number => {
      const values = rows.columns[column];
      return !values || isMissing(values, row) ? Number.NaN : Number(values[row]);
    };
    return {
      pearson: value("pearson"),
      low: value("pearson_low"),
      high: value("pearson_high"),
      slope: value("slope"),
      intercept: value("intercept"),
    };
  };
  return {
    layer,
    overall: doubles(ofLayer, "overall_drop"),
    max: doubles(ofLayer, "max_class_drop"),
    attributes: chosenAttributes([...new Set(attributes)], wanted).map((name) => {
      const [overall, max] = [find(name, "overall_drop"), find(name, "max_class_drop")];
      return { name, values: doubles(ofLayer, name), ...(overall && { overall }), ...(max && { max }) };
    }),
  };
}

/** Columns of panels: those that are wanted, else those of the paper, else all. */
export function chosenAttributes(present: readonly string[], wanted?: readonly string[]): readonly string[] {
  if (wanted) return wanted.filter((name) => present.includes(name));
  const norm = present.includes("l1_norm") ? "l1_norm" : "l1_norm_folded";
  const paper = [norm, "class_correlation", "class_selectivity", "concept_iou"].filter((name) =>
    present.includes(name),
  );
  return paper.length > 0 ? paper : present;
}

/** Draws figure 5; with the same axes as the figures of `beside`, where units of other networks are to be compared. */
export function relationsFigure(
  relations: Relations,
  { sign = "damage", source, beside = [] }: { sign?: DropSign; source?: string; beside?: readonly Relations[] } = {},
): string {
  const { layer, overall, max, attributes } = relations;
  const domainsOf = (name: string, kind: "overall" | "max"): [AxisDomain, AxisDomain] => {
    const all = [relations, ...beside].flatMap((each) => {
      const values = each.attributes.find((attribute) => attribute.name === name)?.values;
      return values ? [scatterDomains(values, each[kind], dropFactor(sign))] : [];
    });
    return [joinDomains(all.map(([x]) => x)), joinDomains(all.map(([, y]) => y))];
  };
  const columns = Math.max(1, attributes.length);
  const rows = [
    {
      what: "overall drop",
      kind: "overall",
      drops: overall,
      relation: ({ overall: found }: RelatedAttribute) => found,
    },
    { what: "max class drop", kind: "max", drops: max, relation: ({ max: found }: RelatedAttribute) => found },
  ] as const;
  const panels = rows.flatMap(({ what, kind, drops, relation }) =>
    attributes.map(
      (attribute, column): Panel => ({
        title: coefficientText(relation(attribute), sign),
        draw: (box) =>
          drawScatter(box, attribute, drops, relation(attribute), {
            sign,
            label: column === 0 ? what : undefined,
            domains: domainsOf(attribute.name, kind),
          }),
      }),
    ),
  );
  const empty: Panel = { draw: (box) => drawEmpty(box, "No attribute was computed; run: unitscope attributes RUN") };
  const units = overall.length;
  const isCut = rows.some(({ kind }) =>
    attributes.some(({ name }) => domainsOf(name, kind).some(({ beyond }) => beyond > 0)),
  );
  const titleWidth = Math.max(182, ...panels.map(({ title = "" }) => textWidth(title, "panel")));
  return renderFigure({
    title: `What predicts the damage of a unit: ${layer === "all" ? "all layers" : layer}`,
    subtitle: `${source === undefined ? "" : `${source}. `}Each point is a unit (${units} in all); r is Pearson's correlation with its 95 % bootstrap interval over units. ${signSentence(sign)}`,
    panels: attributes.length === 0 ? [empty] : panels,
    columns,
    sharedLabel: true,
    panelHeight: attributes.length === 0 ? 120 : 240,
    width: Math.max(760, Math.ceil(60 + (titleWidth + 18) * columns)),
    ...(isCut && { note: "Triangles at an edge: units beyond the axis; they count in r and in the line." }),
  });
}

function coefficientText(relation: Relation | undefined, sign: DropSign): string {
  if (!relation || !Number.isFinite(relation.pearson)) return "r = – (a constant)";
  const factor = dropFactor(sign);
  const [low, high] = factor === 1 ? [relation.low, relation.high] : [-relation.high, -relation.low];
  const interval = Number.isFinite(low) ? ` [${formatNumber(low, 2)}, ${formatNumber(high, 2)}]` : "";
  return `r = ${formatNumber(relation.pearson * factor, 2)}${interval}`;
}

function drawScatter(
  box: Box,
  { name, values }: RelatedAttribute,
  drops: ArrayLike<number>,
  relation: Relation | undefined,
  {
    sign,
    label,
    domains: [xs, ys],
  }: { sign: DropSign; label: string | undefined; domains: readonly [AxisDomain, AxisDomain] },
): string {
  const factor = dropFactor(sign);
  const points = Array.from(values, (value, unit) => [value, drops[unit] * factor] as const).filter(
    ([x, y]) => Number.isFinite(x) && Number.isFinite(y),
  );
  if (points.length === 0) return drawEmpty(box, `No unit has both ${name} and a drop.`);
  const [xDomain, yDomain] = [padded([xs.low, xs.high]), padded([ys.low, ys.high])];
  const y = {
    domain: yDomain,
    format: (drop: number) => formatPoints(drop),
    ...(label && { label: dropAxisLabel(label, sign) }),
  };
  return drawPlot(box, { x: { domain: xDomain, label: attributeLabel(name) }, y }, (toX, toY) => {
    const radius = points.length > 300 ? 1.7 : points.length > 60 ? 2.3 : 3;
    const marks = points.map(([px, py]) => {
      const [cx, cy] = [toX(clampTo(xDomain, px)), toY(clampTo(yDomain, py))];
      const toward = px > xDomain[1] ? "right" : px < xDomain[0] ? "left" : py > yDomain[1] ? "up" : "down";
      const isBeyond = px !== clampTo(xDomain, px) || py !== clampTo(yDomain, py);
      if (isBeyond) return edgeMark(cx, cy, toward, fillOf(0));
      return tag("circle", { class: fillOf(0), "fill-opacity": 0.55, cx, cy, r: radius });
    });
    if (!relation || !Number.isFinite(relation.slope)) return marks.join("");
    const own = extentOf([points.map(([px]) => clampTo([xs.low, xs.high], px))]);
    const line = clippedLine(relation.slope * factor, relation.intercept * factor, own, yDomain);
    if (!line) return marks.join("");
    const [[x1, y1], [x2, y2]] = line;
    const ends = { x1: toX(x1), y1: toY(y1), x2: toX(x2), y2: toY(y2) };
    return marks.join("") + tag("line", { class: strokeOf(1), "stroke-width": 2, ...ends });
  });
}

/** What is drawn of an attribute's values and of the drops. */
function scatterDomains(values: ArrayLike<number>, drops: ArrayLike<number>, factor: number): [AxisDomain, AxisDomain] {
  const both = Array.from(values, (value, unit) => [value, drops[unit] * factor] as const).filter(
    ([x, y]) => Number.isFinite(x) && Number.isFinite(y),
  );
  return [axisDomain([both.map(([x]) => x)]), axisDomain([Array.from(drops, (drop) => drop * factor)], [0])];
}

/** The part of y = intercept + slope · x over `xs` that lies within `ys`; `undefined` if none does. */
export function clippedLine(
  slope: number,
  intercept: number,
  xs: readonly [number, number],
  ys: readonly [number, number],
): readonly [Point, Point] | undefined {
  let [from, to] = xs;
  if (slope !== 0) {
    const crossings = ys.map((y) => (y - intercept) / slope).sort((a, b) => a - b) as [number, number];
    from = Math.max(from, crossings[0]);
    to = Math.min(to, crossings[1]);
  } else if (intercept < ys[0] || intercept > ys[1]) return undefined;
  if (!(to >= from)) return undefined;
  return [
    [from, intercept + slope * from],
    [to, intercept + slope * to],
  ];
}

/** A domain with room around its points. */
function padded([low, high]: readonly [number, number]): [number, number] {
  const room = high > low ? (high - low) * 0.06 : Math.abs(low) * 0.1 || 0.5;
  return [low - room, high + room];
}
