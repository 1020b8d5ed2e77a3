/** What a class's images are taken for, with the network intact and without a unit. */
import type { Baseline } from "./baseline.ts";
import type { LoadedLayer } from "./layer.ts";

/** Images of a class by their predicted class. */
export interface Confusion {
  readonly predicted: number;
  readonly before: number;
  readonly after: number;
}

/** Counts over all images of the run; exact, from the predictions that the unit's removal changes. */
export function confusionsOf(baseline: Baseline, layer: LoadedLayer, cls: number, unit: number): Confusion[] {
  const { classes, flipStart, flipImage, flipPrediction } = layer;
  const before = new Int32Array(classes);
  const after = new Int32Array(classes);
  const changed = new Map<number, number>();
  for (let at = flipStart[unit] ?? 0; at < (flipStart[unit + 1] ?? 0); at++)
    changed.set(flipImage[at] ?? 0, flipPrediction[at] ?? 0);
  baseline.label.forEach((label, image) => {
    if (label !== cls) return;
    const predicted = baseline.prediction[image] ?? 0;
    before[predicted] = (before[predicted] ?? 0) + 1;
    const then = changed.get(image) ?? predicted;
    after[then] = (after[then] ?? 0) + 1;
  });
  return Array.from({ length: classes }, (_, predicted) => ({
    predicted,
    before: before[predicted] ?? 0,
    after: after[predicted] ?? 0,
  }))
    .filter((row) => row.before > 0 || row.after > 0)
    .sort(
      (a, b) =>
        Number(b.predicted === cls) - Number(a.predicted === cls) ||
        Math.max(b.after, b.before) - Math.max(a.after, a.before) ||
        a.predicted - b.predicted,
    );
}
