/** How trainings went: loss and accuracy epoch by epoch, one line per network, from their logs. */
import { type Curve, drawCurvesWithLegend } from "./curves.ts";
import { drawEmpty, type Panel, renderFigure } from "./frame.ts";
import { extentOf, niceDomain } from "./scale.ts";

/** One epoch of a training's log. */
export interface CurveEpoch {
  /** Mean loss over the epoch's steps. */
  readonly loss: number;
  /** Fraction right while training, dropout and varied images included. */
  readonly trainAccuracy: number;
  /** Fraction of the test images right after the epoch; `null` without a test set. */
  readonly testAccuracy: number | null;
}

/** One network's training. */
export interface TrainingCurve {
  readonly name: string;
  readonly epochs: readonly CurveEpoch[];
}

/** Draws the trainings. */
export function trainingCurvesFigure(trainings: readonly TrainingCurve[]): string {
  const isTested = trainings.some(({ epochs }) => epochs.some(({ testAccuracy }) => testAccuracy !== null));
  const panels = [
    panelOf(trainings, "Loss while training", "loss", ({ loss }) => loss),
    isTested
      ? panelOf(
          trainings,
          "Accuracy on the test images",
          "images right (%)",
          percentOf(({ testAccuracy }) => testAccuracy),
        )
      : panelOf(
          trainings,
          "Accuracy while training",
          "images right (%)",
          percentOf(({ trainAccuracy }) => trainAccuracy),
        ),
  ];
  return renderFigure({
    title: trainings.length === 1 ? `Training of ${trainings[0]?.name}` : "Training",
    subtitle: "Epoch by epoch, with the last value beside each network's name.",
    panels,
    columns: 1,
    panelHeight: Math.max(220, 60 + 18 * trainings.length),
  });
}

function percentOf(value: (epoch: CurveEpoch) => number | null): (epoch: CurveEpoch) => number {
  return (epoch) => 100 * (value(epoch) ?? Number.NaN);
}

function panelOf(
  trainings: readonly TrainingCurve[],
  title: string,
  label: string,
  value: (epoch: CurveEpoch) => number,
): Panel {
  const digits = label === "loss" ? 3 : 2;
  const curves = trainings.map(({ name, epochs }, series): Curve => {
    const y = Float64Array.from(epochs, value);
    return {
      label: name,
      value: (y.at(-1) ?? Number.NaN).toFixed(digits),
      series,
      x: Float64Array.from(epochs, (_, at) => at + 1),
      y,
      dots: true,
    };
  });
  const last = Math.max(0, ...trainings.map(({ epochs }) => epochs.length));
  const [low, high] = extentOf(curves.map(({ y }) => Array.from(y)));
  return {
    title,
    draw: (box) =>
      last === 0
        ? drawEmpty(box, "No epoch is finished.")
        : drawCurvesWithLegend(
            box,
            {
              x: { domain: last === 1 ? [0.5, 1.5] : [1, last], label: "epoch", ticks: epochTicks(last) },
              y: { domain: niceDomain(low, high), label },
            },
            curves,
            { valueTitle: "last" },
          ),
  };
}

/** Whole epochs, at most about ten of them. */
function epochTicks(last: number): number[] {
  const step = Math.max(1, Math.ceil(last / 10));
  return Array.from({ length: last }, (_, at) => at + 1).filter((epoch) => (epoch - 1) % step === 0);
}
