/**
 * Figure 3: per layer, the largest, the smallest and the overall drop of every unit, units sorted by max class drop.
 * One panel per layer, all with the same vertical axis.
 *
 * Sign: positive means damage; `sign: "paper"` plots accuracy after minus before, as Zhou et al. 2018 do, and says so.
 */
import { doubles, hasValues, type Table, texts } from "../tables/table.ts";
import { axisDomain, beyondNote, clampTo, cutBy, edgeMark, joinDomains, oneImageReason } from "./axis-domain.ts";
import { rankTicks } from "./curves.ts";
import { type Box, drawEmpty, drawPlot, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { extentOf, formatPoints, niceDomain } from "./scale.ts";
import { type DropSign, dropAxisLabel, dropFactor, signSentence } from "./sign.ts";
import { bandPath, linePath, type Point, tag } from "./svg.ts";
import { fillOf, strokeOf } from "./theme.ts";

/** The units of one layer, in any order; NaN where a value is missing. Drops are fractions (0.1 is ten points). */
export interface LayerDrops {
  readonly layer: string;
  readonly overall: ArrayLike<number>;
  readonly max: ArrayLike<number>;
  readonly min: ArrayLike<number>;
  /** 95 % quantile of each unit's max class drop under the null. */
  readonly null95?: ArrayLike<number>;
  /** The same of a unit that hurts the classes as the layer's other units do. */
  readonly specificity95?: ArrayLike<number>;
}

/** The layers of a `units` table, in the order in which they first appear. */
export function layerDropsOf(units: Table): LayerDrops[] {
  const layers = texts(units, "layer", "units");
  const pick = (name: string, rows: readonly number[]): Float64Array => {
    const column = doubles(units, name, "units");
    return Float64Array.from(rows, (row) => column[row]);
  };
  return [...new Set(layers)].map((layer) => {
    const rows = [...layers.keys()].filter((row) => layers[row] === layer);
    return {
      layer,
      overall: pick("overall_drop", rows),
      max: pick("max_class_drop", rows),
      min: pick("min_class_drop", rows),
      ...(hasValues(units, "max_class_null_95") && { null95: pick("max_class_null_95", rows) }),
      ...(hasValues(units, "specificity_null_95") && { specificity95: pick("specificity_null_95", rows) }),
    };
  });
}

/** Draws figure 3; panels share a scale unless that would make one of them flat. */
export function layerDropsFigure(
  layers: readonly LayerDrops[],
  {
    sign = "damage",
    source,
    imagesPerClass = Infinity,
    beside = [],
  }: {
    sign?: DropSign;
    source?: string;
    /** Layers of other figures, which this one shares its scale with. */
    beside?: readonly LayerDrops[];
    /** Images of the class that has most; with one, only overall drops are drawn. */
    imagesPerClass?: number;
  } = {},
): string {
  const factor = dropFactor(sign);
  const isOverallOnly = imagesPerClass <= 1;
  const shown = (drops: LayerDrops): ArrayLike<number>[] =>
    isOverallOnly
      ? [drops.overall]
      : [drops.max, drops.min, drops.overall, drops.null95 ?? [], drops.specificity95 ?? []];
  // Each series for itself: the largest class drops are no outliers for being larger than the overall ones.
  const everyExtent = [...layers, ...beside].map((drops) =>
    joinDomains(shown(drops).map((series) => axisDomain([Array.from(series, (drop) => drop * factor)], [0]))),
  );
  const extents = everyExtent.slice(0, layers.length);
  const [low, high] = extentOf(
    everyExtent.map((extent) => [extent.low, extent.high]),
    [0],
  );
  const isShared = everyExtent.every((extent) => extent.high - extent.low >= (high - low) / flatShare);
  const domains = extents.map((extent) =>
    isShared ? niceDomain(low, high, 6) : niceDomain(extent.low, extent.high, 6),
  );
  const cuts = layers.flatMap((drops, at) =>
    (isOverallOnly ? [drops.overall] : [drops.max, drops.min, drops.overall]).map((series) =>
      cutBy(
        domains[at],
        Array.from(series, (drop) => drop * factor),
      ),
    ),
  );
  const withNull = layers.some(({ null95 }) => null95 !== undefined);
  const withSpecificity = layers.some(({ specificity95 }) => specificity95 !== undefined);
  const overallEntry: LegendEntry = { label: "overall drop", series: 6, mark: "line", dash: "6 3" };
  const legend: LegendEntry[] = isOverallOnly
    ? [overallEntry]
    : [
        { label: "max class drop", series: 1, mark: "line" },
        overallEntry,
        { label: "min class drop", series: 0, mark: "line" },
        ...(withNull
          ? [{ label: "max class drop by chance alone (95 % band)", series: 6, mark: "shade" } as const]
          : []),
        ...(withSpecificity
          ? [{ label: "of a unit that singles out no class (95 % band)", series: 3, mark: "band" } as const]
          : []),
      ];
  const columns = Math.min(3, Math.max(1, layers.length));
  const panels = layers.map(
    (drops, at): Panel => ({
      title: `${drops.layer} (${drops.max.length} unit${drops.max.length === 1 ? "" : "s"})`,
      draw: (box) => {
        const yLabel = at % columns === 0 ? dropAxisLabel("drop", sign) : undefined;
        return drawLayer(box, drops, { domain: domains[at], factor, yLabel, isOverallOnly });
      },
    }),
  );
  const empty: Panel = { draw: (box) => drawEmpty(box, "No layer was ablated: the table of units is empty.") };
  const what = isOverallOnly
    ? "Accuracy lost over all images, for every unit of a layer."
    : "Accuracy lost over all images, and by the class that loses most and least, for every unit of a layer.";
  const notes = [
    isShared ? "" : "Each layer has its own scale.",
    beyondNote(cuts, "value"),
    isOverallOnly && panels.length > 0 ? oneImageReason : "",
  ].filter((note) => note !== "");
  return renderFigure({
    title: "What removing each unit costs",
    subtitle: `${source === undefined ? "" : `${source}. `}${what} ${signSentence(sign)}`,
    legend: panels.length === 0 ? [] : legend,
    panels: panels.length === 0 ? [empty] : panels,
    columns,
    sharedLabel: true,
    panelHeight: panels.length === 0 ? 120 : columns === 1 ? 340 : 260,
    ...(notes.length > 0 && { note: notes.join(" ") }),
  });
}

/** Panels share a scale as long as none of them fills less than one in so many parts of it. */
const flatShare = 8;

function drawLayer(
  box: Box,
  drops: LayerDrops,
  {
    domain,
    factor,
    yLabel,
    isOverallOnly,
  }: {
    domain: readonly [number, number];
    factor: number;
    yLabel: string[] | undefined;
    isOverallOnly: boolean;
  },
): string {
  const order = sortedUnits(isOverallOnly ? drops.overall : drops.max);
  if (order.length === 0) return drawEmpty(box, "No unit of this layer has a class drop: no class has images.");
  const last = order.length;
  const ranked = isOverallOnly ? "overall drop" : "max class drop";
  return drawPlot(
    box,
    {
      x: {
        domain: last === 1 ? [0.5, 1.5] : [1, last],
        label: [`units, sorted by ${ranked}`, `units by ${ranked}`, "units, sorted"],
        ticks: rankTicks(last, box.width),
      },
      y: { domain, format: (drop) => formatPoints(drop), ...(yLabel !== undefined && { label: yLabel }) },
    },
    (toX, toY) => {
      const points = (series: ArrayLike<number>): Point[] =>
        order.map((unit, rank) => [toX(rank + 1), toY(clampTo(domain, series[unit] * factor))]);
      const parts: string[] = [];
      const band = (top: ArrayLike<number>, look: string, opacity: number): void => {
        const zero = order.map((_, rank): Point => [toX(rank + 1), toY(0)]);
        parts.push(tag("path", { class: look, "fill-opacity": opacity, d: bandPath(points(top), zero) }));
      };
      if (drops.specificity95 && !isOverallOnly) band(drops.specificity95, fillOf(3), 0.18);
      if (drops.null95 && !isOverallOnly) band(drops.null95, "shade", 0.22);
      const series = [
        ...(isOverallOnly ? [] : [{ values: drops.min, series: 0, dash: undefined }]),
        { values: drops.overall, series: 6, dash: "6 3" },
        ...(isOverallOnly ? [] : [{ values: drops.max, series: 1, dash: undefined }]),
      ];
      for (const { values, series: index, dash } of series) {
        const line = points(values);
        parts.push(
          tag("path", {
            class: `none ${strokeOf(index)}`,
            d: linePath(line),
            "stroke-width": 1.6,
            "stroke-dasharray": dash,
            "stroke-linejoin": "round",
          }),
        );
        for (const [rank, [x, y]] of line.entries()) {
          const value = values[order[rank]] * factor;
          if (value > domain[1]) parts.push(edgeMark(x, y, "up", fillOf(index)));
          else if (value < domain[0]) parts.push(edgeMark(x, y, "down", fillOf(index)));
          else if (last <= 48 && Number.isFinite(y))
            parts.push(tag("circle", { class: fillOf(index), cx: x, cy: y, r: last > 24 ? 1.8 : 2.6 }));
        }
      }
      return parts.join("");
    },
  );
}

/** Units that have a max class drop, the largest first; equal ones by number. */
export function sortedUnits(max: ArrayLike<number>): number[] {
  return Array.from({ length: max.length }, (_, unit) => unit)
    .filter((unit) => Number.isFinite(max[unit]))
    .sort((a, b) => max[b] - max[a] || a - b);
}
