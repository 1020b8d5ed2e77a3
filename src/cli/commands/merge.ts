/** `unitscope merge RUN`: the tables of a plan, once all its shards are done. */
import { Command } from "commander";
import type { SharedResult } from "../../shards/shared-work.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { type PlaceOptions, placesOf, withPlaces } from "../shard-options.ts";
import { showAblation } from "./ablate.ts";
import { showAttributesWorks } from "./attributes.ts";
import { showRotation } from "./rotate.ts";
import { showSets } from "./sets.ts";

/** The command `merge`. */
export function mergeCommand(context: CliContext): Command {
  const command = new Command("merge")
    .description("check that all shards of a plan are there, and write the tables: those of one machine")
    .argument("<run>", "run folder with a plan");
  return withPlaces(command).action(async (path: string, options: PlaceOptions) => {
    const { mergeRun } = await import("../../shards/merge-run.ts");
    const display = showDataProgress(context);
    try {
      const results = await mergeRun(
        path,
        { workers: options.workers, places: await placesOf(options) },
        { fetching: display.progress, signal: context.signal },
      );
      display.finish();
      if (results) show(context, results);
      else context.print(context.json ? JSON.stringify({ run: path, state: "merged" }) : `${path} is merged already`);
    } finally {
      display.finish();
    }
  });
}

function show(context: CliContext, results: readonly SharedResult[]): void {
  showAttributesWorks(context, results);
  for (const { kind, result } of results) {
    if (kind === "ablate") showAblation(context, result);
    else if (kind === "sets") showSets(context, result);
    else if (kind === "rotate") showRotation(context, result);
  }
}
