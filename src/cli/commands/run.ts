/** `unitscope run RUN --shard I`: one shard of a plan. */
import { Command } from "commander";
import { UnitscopeError } from "../../errors.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import type { RunShardResult } from "../../shards/run-shard.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { wholeNumber } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";
import { type PlaceOptions, placesOf, withPlaces } from "../shard-options.ts";

/** Where job arrays say which of their tasks this is: Slurm, a Kubernetes Indexed Job, AWS Batch. */
const indexVariables = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"] as const;

/** The command `run`. */
export function runCommand(context: CliContext): Command {
  const command = new Command("run")
    .description("carry out one shard of a plan; any machine that sees the folder can, at any time, again and again")
    .argument("<run>", "run folder with a plan")
    .option(
      "--shard <index>",
      `which, from 0; else as ${indexVariables.join(", ")} say, whichever is set first`,
      wholeNumber,
    );
  return withPlaces(command).action(async (path: string, options: PlaceOptions & { shard?: number }) => {
    const { runShard } = await import("../../shards/run-shard.ts");
    const shard = options.shard ?? indexFrom(process.env);
    const display = showDataProgress(context);
    try {
      const result = await runShard(
        path,
        { shard, workers: options.workers, places: await placesOf(options) },
        {
          fetching: display.progress,
          caution: (text) => context.note(`caution: ${text}`),
          progress: (pass, done, total) =>
            display.progress({ title: `shard ${shard}: ${pass}`, done, total, unit: "images" }),
          signal: context.signal,
        },
      );
      display.finish();
      show(context, path, shard, result);
    } finally {
      display.finish();
    }
  });
}

function indexFrom(env: NodeJS.ProcessEnv): number {
  for (const name of indexVariables) {
    const text = env[name];
    if (text === undefined || text === "") continue;
    if (/^\d+$/.test(text)) return Number(text);
    throw new UnitscopeError("usage", `${name}: expected a whole number from 0, got "${text}"`);
  }
  throw new UnitscopeError(
    "usage",
    `option "shard": expected a number from 0, or one in ${indexVariables.join(", ")}, got none`,
  );
}

function show(
  context: CliContext,
  path: string,
  shard: number,
  { plan, state, passes, waitingFor }: RunShardResult,
): void {
  if (context.json) {
    context.print(JSON.stringify({ run: path, shard, shards: plan.shards, state, passes, waitingFor }));
    return;
  }
  for (const [pass, { images, elapsedMs }] of Object.entries(passes)) {
    if (images === 0) continue;
    context.print(`shard ${shard}: ${pass} of ${withCommas(images)} images in ${duration(elapsedMs / 1000)}`);
  }
  const ends = {
    done: `shard ${shard} of ${plan.shards} is done`,
    merged: `shard ${shard}: nothing to do, ${path} is merged`,
    waiting: `shard ${shard}: what comes next begins when ${waitingFor.length} other shards are done with this stage; run it again then`,
  };
  context.print(ends[state]);
}
