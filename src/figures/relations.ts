/**
 * Figure 5: each attribute of the units of a layer against their overall drop (upper row) and max class drop (lower
 * row), with the least-squares line and Pearson's r with its interval.
 *
 * Sign: positive means damage; `sign: "paper"` turns the drops, the lines and the coefficients around and says so.
 */
import { doubles, isMissing, rowsWhere, type Table, texts } from "../tables/table.ts";
import { attributeLabel } from "./attribute-label.ts";
import { axisDomain, clampTo, edgeMark, joinDomains } from "./axis-domain.ts";
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
  const paper = ["class_selectivity", "class_correlation", "concept_iou", norm].filter((name) =>
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
  const shown = [relations, ...beside];
  const xDomains = new Map(attributes.map(({ name }) => [name, xDomainOf(shown, name)]));
  const domainsOf = (kind: "overall" | "max"): ((name: string) => Domains) => {
    const ys = padded(yDomainOf(shown, kind, xDomains, dropFactor(sign)));
    return (name) => ({ xs: padded(xDomains.get(name) ?? [0, 1]), ys });
  };
  const columns = Math.max(1, attributes.length);
  const rows = [
    { what: "overall drop", kind: "overall", drops: overall, domains: domainsOf("overall") },
    { what: "max class drop", kind: "max", drops: max, domains: domainsOf("max") },
  ] as const;
  const panels = rows.flatMap(({ what, kind, drops, domains }) =>
    attributes.map(
      (attribute, column): Panel => ({
        title: coefficientText(attribute[kind], sign),
        draw: (box) =>
          drawScatter(box, attribute, drops, attribute[kind], {
            sign,
            label: column === 0 ? what : undefined,
            domains: domains(attribute.name),
          }),
      }),
    ),
  );
  const empty: Panel = { draw: (box) => drawEmpty(box, "No attribute was computed; run: unitscope attributes RUN") };
  const units = overall.length;
  const isCut = rows.some(({ drops, domains }) =>
    attributes.some(({ name, values }) => {
      const { xs, ys } = domains(name);
      return pointsOf(values, drops, dropFactor(sign)).some(([x, y]) => clampTo(xs, x) !== x || clampTo(ys, y) !== y);
    }),
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
    domains: { xs: xDomain, ys: yDomain },
  }: { sign: DropSign; label: string | undefined; domains: Domains },
): string {
  const factor = dropFactor(sign);
  const points = pointsOf(values, drops, factor);
  if (points.length === 0) return drawEmpty(box, `No unit has both ${attributeLabel(name)} and a drop.`);
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
    const own = extentOf([points.map(([px]) => px).filter((px) => clampTo(xDomain, px) === px)]);
    const line = clippedLine(relation.slope * factor, relation.intercept * factor, own, yDomain);
    if (!line) return marks.join("");
    const [[x1, y1], [x2, y2]] = line;
    const ends = { x1: toX(x1), y1: toY(y1), x2: toX(x2), y2: toY(y2) };
    return marks.join("") + tag("line", { class: strokeOf(1), "stroke-width": 2, ...ends });
  });
}

/** What is drawn of an attribute's values and of the drops. */
interface Domains {
  readonly xs: readonly [number, number];
  readonly ys: readonly [number, number];
}

/** Attribute and drop of the units that have both. */
function pointsOf(values: ArrayLike<number>, drops: ArrayLike<number>, factor: number): (readonly [number, number])[] {
  return Array.from(values, (value, unit) => [value, drops[unit] * factor] as const).filter(
    ([x, y]) => Number.isFinite(x) && Number.isFinite(y),
  );
}

/** The attribute's values in all figures that share axes, without far outliers. */
function xDomainOf(shown: readonly Relations[], name: string): readonly [number, number] {
  const domains = shown.flatMap(({ attributes, overall }) => {
    const values = attributes.find((attribute) => attribute.name === name)?.values;
    return values ? [axisDomain([pointsOf(values, overall, 1).map(([x]) => x)])] : [];
  });
  const { low, high } = joinDomains(domains);
  return [low, high];
}

/** A fitted line may widen the axis of the drops by this share of it to either side. */
const roomForLines = 0.5;

/** The drops in all figures that share axes, without far outliers, and the lines as far as there is room. */
function yDomainOf(
  shown: readonly Relations[],
  kind: "overall" | "max",
  xDomains: ReadonlyMap<string, readonly [number, number]>,
  factor: number,
): readonly [number, number] {
  const { low, high } = joinDomains(shown.map((each) => axisDomain([Array.from(each[kind], (y) => y * factor)], [0])));
  const room = (high - low) * roomForLines;
  const ends = shown.flatMap((each) =>
    each.attributes.flatMap(({ name, values, [kind]: relation }) => {
      const xs = xDomains.get(name);
      if (!relation || !xs) return [];
      const own = extentOf([Array.from(values).filter((x) => clampTo(xs, x) === x)]);
      return own.map((x) => clampTo([low - room, high + room], (relation.intercept + relation.slope * x) * factor));
    }),
  );
  return extentOf([ends], [low, high]);
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
