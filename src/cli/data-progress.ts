/** Steps with titles of their own, such as data sources report, on the terminal's progress display. */
import type { DataProgress } from "../data/cache.ts";
import type { CliContext, Progress } from "./context.ts";

/** One display after another. */
export interface StepDisplay {
  /** Shows a step; one with another title takes the place of that before. `note` says more, behind the numbers. */
  progress(step: Parameters<DataProgress>[0] & { readonly note?: string }): void;
  /** Call it when the work is over, failed or not. */
  finish(): void;
}

/** A `DataProgress` that shows each titled step as its own display. */
export function showDataProgress(context: CliContext): StepDisplay {
  let shown: { title: string; display: Progress } | undefined;
  const finish = (): void => {
    shown?.display.finish();
    shown = undefined;
  };
  return {
    progress({ title, done, total, unit, note }) {
      if (shown?.title !== title) {
        finish();
        shown = { title, display: context.progress(title, total, unit) };
      }
      shown.display.update(done, note);
    },
    finish,
  };
}
