/** What only images tell is found out before the first block, by whoever carries out the pass, and once. */
import { expect, test } from "vitest";
import type { ImageBlock } from "../../src/passes/image-block.ts";
import { consecutiveBlocks } from "../../src/passes/image-order.ts";
import type { Pass } from "../../src/passes/pass.ts";
import { inMemory } from "../../src/passes/pass-runner.ts";

interface Setup {
  readonly tolerance: number;
}

let asked = 0;
const blocks = consecutiveBlocks(10, 4);
const pass: Pass<Setup, number, never> = {
  ...blocks,
  plan: { pass: "sweep", key: { code: {}, work: {} }, shared: {}, layers: [], ...blocks.plan },
  work: {
    module: new URL("./settled-work.mjs", import.meta.url).href,
    name: "settledWork",
    open: () => Promise.reject(new Error("opened by the threads alone")),
  },
  setup: { tolerance: 1 },
  settle: async () => {
    asked++;
    return { tolerance: 2 };
  },
  merge: { shared: (found) => found.reduce((sum, each) => sum + each, 0), layer: () => undefined as never },
};
const source = {
  read: async (images: Int32Array): Promise<ImageBlock> => ({
    ...{ images, labels: images, count: images.length, imageDims: [1] },
    data: new Float32Array(images.length),
  }),
};

test.each(["run", "grow"] as const)("to %s a pass", async (how) => {
  asked = 0;
  const steering = { wanted: async () => [], done: () => {} };
  const found =
    how === "run"
      ? await inMemory.run(pass, source, { workers: 2 })
      : await inMemory.grow(pass, source, { workers: 2, steering });
  expect([found.shared(), asked]).toEqual([2 * blocks.plan.blockSizes.length, 1]);
});
