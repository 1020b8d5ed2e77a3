/**
 * Figure 9: concept detectors (units whose best concept has an IoU above 0.04) by category, for several ways of
 * training; and, for one run, every detected concept with its number of units.
 */
import { type Bar, type BarSeries, barsHeight, drawBars, drawGroupedBars } from "./bars.ts";
import { drawEmpty, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { niceDomain } from "./scale.ts";
import { mainSeries } from "./theme.ts";

/** Counts of one network in one category. */
export interface DetectorCount {
  readonly category: string;
  /** Different concepts that some unit detects. */
  readonly concepts: number;
  /** Units that detect a concept of the category. */
  readonly units: number;
}

/** One way of training: the counts of each of its networks. */
export interface VariantDetectors {
  readonly variant: string;
  readonly networks: readonly (readonly DetectorCount[])[];
}

/** Draws figure 9: means over networks, whiskers from the smallest to the largest. */
export function detectorsFigure(
  variants: readonly VariantDetectors[],
  { source, layer }: { source?: string; layer?: string } = {},
): string {
  const categories = [...new Set(variants.flatMap(({ networks }) => networks.flat().map(({ category }) => category)))];
  const several = variants.some(({ networks }) => networks.length > 1);
  const seriesFor = (kind: "concepts" | "units"): BarSeries[] =>
    variants.map(({ variant, networks }, series) => {
      const counts = categories.map((category) =>
        networks.map((network) => network.find((count) => count.category === category)?.[kind] ?? 0),
      );
      return {
        label: variant,
        series: mainSeries(series),
        values: counts.map((each) => each.reduce((sum, count) => sum + count, 0) / each.length),
        low: counts.map((each) => Math.min(...each)),
        high: counts.map((each) => Math.max(...each)),
      };
    });
  const panelOf = (kind: "concepts" | "units", title: string, label: string): Panel => ({
    title,
    draw: (box) => {
      const series = seriesFor(kind);
      const highest = Math.max(1, ...series.flatMap(({ high = [] }) => Array.from(high)));
      return drawGroupedBars(box, categories, series, { domain: [0, niceDomain(0, highest)[1]], label });
    },
  });
  const empty: Panel = {
    draw: (box) =>
      drawEmpty(
        box,
        "No unit detects a concept, or concepts were not measured; run: unitscope attributes RUN --concepts builtin",
      ),
  };
  return renderFigure({
    title: `Concept detectors${layer === undefined ? "" : ` of ${layer}`}, by category`,
    subtitle: `${source === undefined ? "" : `${source}. `}A unit is a detector of its best concept when their IoU is above 0.04.${several ? " Bars: means over networks; whiskers: smallest to largest." : ""}`,
    legend:
      categories.length === 0
        ? []
        : variants.map(
            ({ variant, networks }, series): LegendEntry => ({
              label: networks.length > 1 ? `${variant} (${networks.length} networks)` : variant,
              series: mainSeries(series),
              mark: "box",
            }),
          ),
    panels:
      categories.length === 0
        ? [empty]
        : [
            panelOf("concepts", "Different concepts detected", "concepts"),
            panelOf("units", "Units that detect one", "units"),
          ],
    columns: 1,
    panelHeight: categories.length === 0 ? 120 : 230,
  });
}

/** A concept that units of a run detect. */
export interface DetectedConcept {
  readonly concept: string;
  readonly category: string;
  readonly units: number;
}

/** Draws the detectors of one run: a bar per concept, by category and number of units; `maxBars` in a category. */
export function detectedConceptsFigure(
  concepts: readonly DetectedConcept[],
  { layer, unitCount, source, maxBars = 14 }: { layer: string; unitCount: number; source?: string; maxBars?: number },
): string {
  const categories = [...new Set(concepts.map(({ category }) => category))];
  const total = concepts.reduce((sum, { units }) => sum + units, 0);
  const highest = Math.max(1, ...concepts.map(({ units }) => units));
  const bars = categories.map((category, series) => {
    const sorted = concepts
      .filter((each) => each.category === category)
      .sort((a, b) => b.units - a.units || (a.concept < b.concept ? -1 : 1));
    const shown = sorted.slice(0, sorted.length > maxBars ? maxBars - 1 : maxBars);
    const rest = sorted.slice(shown.length).reduce((sum, { units }) => sum + units, 0);
    const drawn = shown.map(
      ({ concept, units }): Bar => ({ name: concept, value: units, text: String(units), series }),
    );
    return rest === 0
      ? drawn
      : [...drawn, { name: `… ${sorted.length - shown.length} more concepts with ${rest} units` }];
  });
  const panels = categories.map((category, at): Panel => {
    const units = concepts.filter((each) => each.category === category).reduce((sum, each) => sum + each.units, 0);
    return {
      title: `${category}: ${units} unit${units === 1 ? "" : "s"}`,
      draw: (box) =>
        drawBars(box, bars[at] ?? [], {
          domain: [0, highest],
          label: "units",
          ...(highest < 6 && { ticks: Array.from({ length: highest + 1 }, (_, tick) => tick) }),
        }),
    };
  });
  const empty: Panel = { draw: (box) => drawEmpty(box, "No unit's best concept has an IoU above 0.04.") };
  return renderFigure({
    title: `Concepts that units of ${layer} detect`,
    subtitle: `${source === undefined ? "" : `${source}. `}${concepts.length} different concepts, ${total} of ${unitCount} units are detectors (IoU above 0.04).`,
    panels: panels.length === 0 ? [empty] : panels,
    columns: Math.min(3, Math.max(1, panels.length)),
    panelHeight: panels.length === 0 ? 120 : 20 + barsHeight(Math.max(...bars.map((each) => each.length))),
  });
}
