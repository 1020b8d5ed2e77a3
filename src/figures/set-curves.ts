/**
 * Figure 4: accuracy as units are removed one after another. Upper panel (4a): chosen classes, each with its own
 * stepwise greedy sequence. Lower panel (4b): averaged over classes, beside the cheaper rankings, keep-only, and random
 * sequences with their band. The area under each curve is its mean height: 0 is wiped out at once, 1 is untouched.
 */
import { type Curve, drawCurvesWithLegend } from "./curves.ts";
import { type Box, drawEmpty, type Panel, renderFigure } from "./frame.ts";
import { type AverageSetCurve, areaUnderCurve, type ClassSetCurve, mergeClassCurves } from "./merge-class-curves.ts";
import { formatNumber } from "./scale.ts";
import { tag } from "./svg.ts";
import { textAt } from "./text-layout.ts";

/** What figure 4 needs. */
export interface SetCurves {
  readonly layer: string;
  readonly classes: readonly ClassSetCurve[];
  readonly averages: readonly AverageSetCurve[];
  /** Of `keep`: what the kept units call a class, averaged over classes, by units kept. */
  readonly kept?: KeptCurves;
  /** Fraction of the images that chose the units; 0: chosen and measured on the same images. */
  readonly rankSplit: number;
  /** 1 / number of classes. */
  readonly chance?: number;
  /** What the bands hold: `the central 95 % of 100 random sequences`. */
  readonly bandHolds?: string;
}

/** Fractions by units kept, from 0. */
export interface KeptCurves {
  /** Share of the class's images that are called it. */
  readonly recall: ArrayLike<number>;
  /** Share of the images that are called it and are of it. */
  readonly precision: ArrayLike<number>;
  /** Share of the other classes' images that are called it. */
  readonly falseAlarms: ArrayLike<number>;
}

/** Draws figure 4. */
export function setCurvesFigure(
  { layer, classes, averages, kept, rankSplit, chance, bandHolds }: SetCurves,
  { source }: { source?: string } = {},
): string {
  const split =
    rankSplit > 0
      ? `Units were chosen on ${formatNumber(rankSplit * 100, 0)}\u00a0% of the images and measured on the rest.`
      : "Units were chosen and measured on the same images, as the paper does: the curves are too low by what was chosen by luck.";
  const merged = mergeClassCurves(classes);
  const bands = [bandHolds, merged.bandHolds].filter((holds) => holds !== undefined);
  const note = [
    "AUC: area under the curve, its mean height.",
    bands.length === 0 ? "" : `Band${bands.length > 1 ? "s" : ""}: ${bands.join("; ")}.`,
    averages.some(({ isKept }) => isKept) ? "The keep-only curve counts the units that are kept." : "",
    kept ? "Few kept units call much their class: recall alone says little." : "",
  ].filter((sentence) => sentence !== "");
  const panels: Panel[] = [
    {
      title: `a  Stepwise greedy sequences of single classes, ${layer}`,
      draw: (box) => drawAccuracy(box, merged.curves, chance),
    },
    {
      title: `b  Averaged over classes, ${layer}`,
      draw: (box) => drawAccuracy(box, averages, chance),
    },
    ...(kept
      ? [{ title: `c  Only the units kept for a class, ${layer}`, draw: (box: Box) => drawKept(box, kept) }]
      : []),
  ];
  return renderFigure({
    title: "How many units a class depends on",
    subtitle: `${source === undefined ? "" : `${source}. `}Accuracy of a class as units are removed for it, one after another. ${split}`,
    panels,
    columns: 1,
    panelHeight: 300,
    ...(merged.curves.length + averages.length > 0 && { note: note.join(" ") }),
  });
}

/** The grey series: random sequences are the background of the others. */
const randomSeries = 6;

function drawKept(box: Box, { recall, precision, falseAlarms }: KeptCurves): string {
  const curves = [
    ["recall: of the class, called it", recall],
    ["precision: called it, of the class", precision],
    ["false alarms: of others, called it", falseAlarms],
  ] as const;
  const steps = Math.max(recall.length - 1, 1);
  return drawCurvesWithLegend(
    box,
    {
      x: { domain: [0, steps], label: "units kept", ...(steps <= 10 && { ticks: stepTicks(steps) }) },
      y: { domain: [0, 1], label: "share of the images (%)", format: (value) => formatNumber(value * 100) },
    },
    curves.map(([label, y], series): Curve => {
      const x = Float64Array.from({ length: y.length }, (_, step) => step);
      return { label, series, x, y, dots: steps <= 24 };
    }),
  );
}

function stepTicks(steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, step) => step);
}

function drawAccuracy(box: Box, curves: readonly AverageSetCurve[], chance: number | undefined): string {
  if (curves.length === 0) return drawEmpty(box, "No sequence of this kind was measured.");
  const steps = Math.max(...curves.map(({ accuracy }) => accuracy.length - 1), 1);
  const drawn = curves.map(
    ({ label, accuracy, low, high }, series): Curve => ({
      label,
      value: formatNumber(areaUnderCurve(accuracy), 2),
      series: low && high ? randomSeries : series < randomSeries ? series : series + 1,
      x: Float64Array.from({ length: accuracy.length }, (_, step) => step),
      y: accuracy,
      low,
      high,
      dots: steps <= 24,
    }),
  );
  return drawCurvesWithLegend(
    box,
    {
      x: {
        domain: [0, steps],
        label: "units removed",
        ...(steps <= 10 && { ticks: stepTicks(steps) }),
      },
      y: { domain: [0, 1], label: "accuracy of the class (%)", format: (value) => formatNumber(value * 100) },
    },
    drawn,
    {
      valueTitle: "AUC",
      under: (_, toY, area) => {
        if (chance === undefined) return "";
        const y = toY(chance);
        return (
          tag("line", {
            class: "reference",
            x1: area.x,
            x2: area.x + area.width,
            y1: y,
            y2: y,
            "stroke-dasharray": "2 3",
          }) + textAt(area.x + 4, y - 4, "chance", { className: "small muted halo" })
        );
      },
    },
  );
}
