/** `unitscope worker --queue URL`: joins a queue of shared work. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { CliContext } from "../context.ts";
import { count, seconds } from "../option-parsers.ts";
import { openLink, queueOption } from "../queue-options.ts";
import { type PlaceOptions, placesOf, withPlaces } from "../shard-options.ts";

interface Options extends PlaceOptions {
  readonly queue?: string | true;
  readonly concurrency: number;
  readonly idle?: number;
  readonly runs?: string;
  readonly fetch?: string;
}

/** The command `worker`. */
export function workerCommand(context: CliContext): Command {
  const command = new Command("worker")
    .description("join a queue: carry out shards of the plans in it, until Ctrl-C")
    .addOption(queueOption("which queue"))
    .addOption(
      new Option("--concurrency <count>", "shards at a time, each in a process of its own").argParser(count).default(1),
    )
    .option("--idle <time>", "end after so long without work: 90s, 10m; without it, wait for more", seconds)
    .option("--runs <folder>", "the folder that holds the runs' folders on this machine, if they are elsewhere")
    .option("--fetch <source>", "fetch a model and images that are not there from a folder or http(s)://…/");
  return withPlaces(command).action(async (options: Options) => {
    const { concurrency, idle, runs, fetch, workers } = options;
    const { serveQueue } = await import("../../queue/serve-queue.ts");
    process.once("SIGTERM", () => process.emit("SIGINT")); // how containers are ended
    const link = await openLink(context, options.queue);
    try {
      context.note(`worker at ${link.shown}: ${concurrency} at a time`);
      const began = new Map<string, number>();
      const done = await serveQueue(
        link,
        {
          ...{ concurrency, idle, fetch },
          workers: workers ?? Math.max(1, Math.floor(availableParallelism() / concurrency)),
          runs: runs === undefined ? undefined : resolve(runs),
          places: await placesOf(options),
        },
        {
          note: context.note,
          shard: (state, run, shard) => {
            if (state === "began") began.set(`${run} ${shard}`, performance.now());
            if (state !== "done") return;
            const elapsed = (performance.now() - (began.get(`${run} ${shard}`) ?? 0)) / 1000;
            context.note(`shard ${shard} of ${run}: ${elapsed.toFixed(1)} s`);
          },
          signal: context.signal,
        },
      );
      if (context.json) context.print(JSON.stringify({ shards: done }));
      else context.print(`${done} shards done`);
      context.signal.throwIfAborted();
    } finally {
      link.close();
      // BullMQ may go on trying to reach a server that is away.
      if (context.signal.aborted) setTimeout(() => process.exit(), 1_000).unref();
    }
  });
}
