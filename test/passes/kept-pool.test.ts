/** Threads that are kept from one pass to the next: only for the same work with an equal setup, and never after a failure. */
import { afterEach, expect, test } from "vitest";
import { sweepPass } from "../../src/ablation/sweep.ts";
import { keepPool, newPools } from "../../src/passes/kept-pool.ts";
import { shard } from "../../src/passes/plan.ts";
import { runPass } from "../../src/passes/run-pass.ts";
import { randomImages, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { sourceOf } from "./images-in-memory.ts";

const IMAGES = 300; // two blocks
const { model } = await randomNetwork({ seed: 3, blocks: ["batch norm", "max pool"], head: "two products" });
const layers = model.layers.filter(({ kind }) => kind === "convolution");
const labels = Int32Array.from({ length: IMAGES }, (_, image) => image % model.classCount);
const images = sourceOf(randomImages(IMAGES, 1), [3, SIDE, SIDE], labels);
const passFor = async (seed = 1): ReturnType<typeof sweepPass> =>
  await sweepPass(model, { images, layers, options: { workers: 1, verify: 0.01, seed } });
const pools = keepPool();
afterEach(async () => await pools.close());

test("the second half of a pass in kept threads gives what it gives in new ones", async () => {
  const halves = async (index: number): ReturnType<typeof passFor> => {
    const pass = await passFor();
    return { ...pass, plan: shard(pass.plan, { index, count: 2 }) };
  };
  await runPass(await halves(0), images, { workers: 1, pools });
  const first = await pools.lend(await halves(0), { workers: 1 });
  await first.giveBack(true);
  const kept = await runPass(await halves(1), images, { workers: 1, pools });
  const again = await pools.lend(await halves(1), { workers: 1 });
  expect(again.pool).toBe(first.pool);
  await again.giveBack(true);
  const fresh = await runPass(await halves(1), images, { workers: 1, pools: newPools });
  expect(kept.computed).toBe(1);
  expect(kept.shared()).toEqual(fresh.shared());
  for (const at of layers.keys()) expect(kept.layer(at)).toEqual(fresh.layer(at));
});

test("another setup, more workers, one that is lent, and one that failed get new threads", async () => {
  const one = await pools.lend(await passFor(), { workers: 1 });
  const meanwhile = await pools.lend(await passFor(), { workers: 1 });
  expect(meanwhile.pool).not.toBe(one.pool);
  await meanwhile.giveBack(true);
  await one.giveBack(true);
  const other = await pools.lend(await passFor(2), { workers: 1 });
  expect(other.pool).not.toBe(one.pool);
  await expect(one.pool.run(await images.read(Int32Array.of(0)))).rejects.toThrow(/interrupted/); // it is closed
  await other.giveBack(true);
  const larger = await pools.lend(await passFor(2), { workers: 2 });
  expect(larger.pool.workerCount).toBe(2);
  await larger.giveBack(false);
  const after = await pools.lend(await passFor(2), { workers: 1 });
  expect(after.pool).not.toBe(larger.pool);
  await after.giveBack(true);
});
