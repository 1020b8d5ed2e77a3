/**
 * Figure 6 and table 1: how often the class that a unit matters most for is predicted from its attributes, by layer and
 * attribute, with 95 % intervals; chance and always naming the most frequent class as lines.
 */
import { type BarSeries, drawGroupedBars } from "./bars.ts";
import { drawEmpty, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { formatNumber, niceDomain } from "./scale.ts";

/** Accuracy of one attribute at one layer, fractions. */
export interface PredictionAccuracy {
  readonly layer: string;
  readonly attribute: string;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

/** Draws figure 6. */
export function predictionFigure(
  accuracies: readonly PredictionAccuracy[],
  { chance, majority, source }: { chance?: number; majority?: number; source?: string } = {},
): string {
  const layers = [...new Set(accuracies.map(({ layer }) => layer))];
  const attributes = [...new Set(accuracies.map(({ attribute }) => attribute))];
  const series = attributes.map((attribute, index): BarSeries => {
    const pick = (value: (found: PredictionAccuracy) => number): number[] =>
      layers.map((layer) => {
        const found = accuracies.find((each) => each.layer === layer && each.attribute === attribute);
        return found ? value(found) : Number.NaN;
      });
    return {
      label: attribute,
      series: index,
      values: pick(({ accuracy }) => accuracy),
      low: pick(({ low }) => low),
      high: pick(({ high }) => high),
    };
  });
  const percent = (value: number): string => `${formatNumber(value * 100, 1)}\u00a0%`;
  const lines = [
    ...(chance === undefined ? [] : [{ value: chance, label: `chance, ${percent(chance)}`, dash: "2 3" }]),
    ...(majority === undefined
      ? []
      : [{ value: majority, label: `always the most frequent class, ${percent(majority)}`, dash: "7 3" }]),
  ];
  const legend: LegendEntry[] = [
    ...series.map(({ label, series: index }) => ({ label, series: index, mark: "box" as const })),
    ...lines.map(({ label, dash }) => ({ label, series: 6, mark: "line" as const, dash })),
  ];
  const highest = Math.max(
    0.1,
    ...accuracies.flatMap(({ accuracy, high }) => [accuracy, high].filter(Number.isFinite)),
    ...lines.map(({ value }) => value),
  );
  const panel: Panel = {
    draw: (box) =>
      accuracies.length === 0
        ? drawEmpty(box, "No prediction was made: it needs the attributes of at least two networks.")
        : drawGroupedBars(box, layers, series, {
            domain: [0, Math.min(1, niceDomain(0, highest * 1.05)[1])],
            label: "units whose class was predicted (%)",
            format: (value) => formatNumber(value * 100),
            lines,
          }),
  };
  return renderFigure({
    title: "Predicting which class a unit matters to",
    subtitle: `${source === undefined ? "" : `${source}. `}A regression from a unit's attribute vector to its class of largest drop, trained on the units of some networks and tested on those of others. Whiskers: 95 % intervals.`,
    legend: accuracies.length === 0 ? [] : legend,
    panels: [panel],
    panelHeight: accuracies.length === 0 ? 120 : 300,
  });
}
