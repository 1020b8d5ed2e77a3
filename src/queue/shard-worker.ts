/**
 * The entry of a worker's child process: carries out shard after shard of one run, with model, images and sessions open
 * from one to the next. It is told which by its parent, and ends when that is gone or asks it to.
 */
import { messageOf, UnitscopeError } from "../errors.ts";
import { openShards, type ShardRunner } from "../shards/run-shard.ts";
import { END, type ShardAnswer, type ShardOrder } from "./shard-order.ts";

const controller = new AbortController();
const { signal } = controller;
process.on("SIGINT", () => controller.abort()); // Ctrl-C in a terminal goes to the whole group
process.once("disconnect", () => controller.abort());

let runner: ShardRunner | undefined;
let turn: Promise<void> = Promise.resolve();

async function answer({ path, places, workers, shard }: ShardOrder): Promise<ShardAnswer> {
  process.title = `unitscope run ${path} --shard ${shard}`;
  runner ??= openShards(path, { places, workers }, { signal });
  try {
    await runner.run(shard);
    return { error: null, memory: process.memoryUsage.rss() };
  } catch (error) {
    const isOurs = error instanceof UnitscopeError;
    return { error: isOurs ? error.message : `internal: ${messageOf(error)}`, memory: process.memoryUsage.rss() };
  }
}

process.on("message", (order: ShardOrder | typeof END) => {
  if (order === END) {
    controller.abort();
    return;
  }
  turn = answer(order).then((said) => {
    if (process.connected) process.send?.(said);
  });
});
signal.addEventListener("abort", () => {
  void turn.finally(async () => await runner?.close()).finally(() => process.exit());
});
