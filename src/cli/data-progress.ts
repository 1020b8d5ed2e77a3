/** What data sources report, on the terminal's progress display. */
import type { DataProgress } from "../data/cache.ts";
import type { CliContext, Progress } from "./context.ts";

/** A `DataProgress` that shows each titled step as its own display; call `finish` when the work is over, failed or not. */
export function showDataProgress(context: CliContext): { progress: DataProgress; finish: () => void } {
  let shown: { title: string; display: Progress } | undefined;
  const finish = (): void => {
    shown?.display.finish();
    shown = undefined;
  };
  return {
    progress({ title, done, total, unit }) {
      if (shown?.title !== title) {
        finish();
        shown = { title, display: context.progress(title, total, unit) };
      }
      shown.display.update(done);
    },
    finish,
  };
}
