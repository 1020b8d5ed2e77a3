/**
 * What the attributes cost beyond the pass of the network itself: `npx tsx bench/attributes.ts [MODEL] [DATA]`, with a
 * model that carries its preprocessing. Prints wall time and processor time of every part; run it on an idle machine.
 */
import { activationStatistics } from "../src/attributes/activation-statistics.ts";
import { describeLayer, openDescriber } from "../src/attributes/describe-layer.ts";
import { openResponsePass, type Wanted } from "../src/attributes/response-pass.ts";
import { openSubject } from "../src/commands/subject.ts";
import type { Layer } from "../src/onnx/layers.ts";
import { defaultTailFraction, mergeObserved, type Observed, withoutPooled } from "../src/responses/observed.ts";

const [modelPath = "models/alexnet-cifar10.onnx", data = "cifar10:test"] = process.argv.slice(2);
const workers = 2;
const subject = await openSubject(modelPath, data);
const { model, images, preprocessing } = subject;
const layers = model.layers.filter((layer) => layer.kind === "convolution");
const units = layers.reduce((sum, layer) => sum + layer.units, 0);
const responses = layers.reduce((sum, layer) => sum + layer.units * layer.height * layer.width, 0) * images.imageCount;
console.log(
  `${model.name}, ${layers.length} layers, ${units} units, ${images.imageCount} images, ${(responses / 1e6).toFixed(0)} million responses, ${workers} workers`,
);

const bare = await measure("network alone", () => observeAll([]));
const whole = await measure("network and observer", () => observeAll(layers));
console.log(`  observer: ${((whole.wallMs - bare.wallMs) / 1000).toFixed(2)} s wall`);
const { observed, pooled, probabilities } = whole.result;
const thresholds = await measure("thresholds", async () =>
  layers.map((_, at) => activationStatistics(observed, at, defaultTailFraction).top_threshold),
);
await measure("class attributes, 200 shuffles", async () => {
  const describer = await openDescriber(probabilities, images.labels, {
    classCount: model.classCount,
    shuffles: 200,
    seed: 1,
    workers,
  });
  for (const [at, layer] of layers.entries()) {
    await describeLayer(describer, layer.units, (from, to) => columns(pooled[at] ?? [], layer.units, from, to));
  }
  await describer.close();
});
const pass = await openResponsePass(model, images, preprocessing, layers, { workers });
const wanted = layers.flatMap(({ units: count }, layer) => {
  const top = observed.layers[layer]?.top;
  return Array.from({ length: count }, (_, unit) =>
    Array.from({ length: top?.counts[unit] ?? 0 }, (__, rank): Wanted => {
      return { layer, unit, image: top?.indices[unit * top.size + rank] ?? 0 };
    }),
  ).flat();
});
await measure(`second pass for ${wanted.length} regions`, () => pass.fetch(wanted));
await pass.close();
console.log(`thresholds of the first units: ${[...(thresholds.result[0] ?? [])].slice(0, 3).join(", ")}`);

async function measure<T>(what: string, work: () => Promise<T>): Promise<{ result: T; wallMs: number }> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const result = await work();
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${what}: ${(wallMs / 1000).toFixed(2)} s wall, ${((user + system) / 1e6).toFixed(2)} s of processors`);
  return { result, wallMs };
}

interface Pass {
  readonly observed: Observed;
  /** Per layer, the blocks' pooled responses. */
  readonly pooled: Float64Array[][];
  readonly probabilities: Float32Array;
}

async function observeAll(observedLayers: readonly Layer[]): Promise<Pass> {
  const running = await openResponsePass(model, images, preprocessing, observedLayers, { workers });
  let observed: Observed | undefined;
  const pooled: Float64Array[][] = observedLayers.map(() => []);
  const all = new Float32Array(images.imageCount * model.classCount);
  for await (const block of running.observe()) {
    block.layers.forEach(({ pooledMean }, at) => pooled[at]?.push(pooledMean));
    all.set(block.probabilities, block.start * model.classCount);
    observed = observed ? mergeObserved(observed, withoutPooled(block)) : withoutPooled(block);
  }
  await running.close();
  return { observed: observed as Observed, pooled, probabilities: all };
}

function columns(blocks: readonly Float64Array[], count: number, from: number, to: number): Float64Array {
  const found = new Float64Array((to - from) * images.imageCount);
  let image = 0;
  for (const block of blocks) {
    for (let start = 0; start < block.length; start += count, image++) {
      for (let unit = from; unit < to; unit++) {
        found[(unit - from) * images.imageCount + image] = block[start + unit];
      }
    }
  }
  return found;
}
