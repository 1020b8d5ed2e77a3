/**
 * What the attributes cost beyond the pass of the network itself: `npx tsx bench/attributes.ts [MODEL] [DATA]`, with a
 * model that carries its preprocessing. Prints wall time and processor time of every part; run it on an idle machine.
 */
import { activationStatistics } from "../src/attributes/activation-statistics.ts";
import { describeLayer, openDescriber } from "../src/attributes/describe-layer.ts";
import { openFetcher, type Wanted } from "../src/attributes/fetch-responses.ts";
import { openSubject } from "../src/commands/subject.ts";
import type { Layer } from "../src/onnx/layers.ts";
import { blockSource } from "../src/passes/image-block.ts";
import { runPass } from "../src/passes/run-pass.ts";
import { defaultTailFraction, type ObservedLayer } from "../src/responses/observed.ts";
import { responsePass } from "../src/responses/response-pass.ts";

const [modelPath = "models/alexnet-cifar10.onnx", data = "cifar10:test"] = process.argv.slice(2);
const workers = 2;
const subject = await openSubject(modelPath, data);
const { model, images, preprocessing } = subject;
const source = blockSource(images, preprocessing);
const layers = model.layers.filter((layer) => layer.kind === "convolution");
const units = layers.reduce((sum, layer) => sum + layer.units, 0);
const responses = layers.reduce((sum, layer) => sum + layer.units * layer.height * layer.width, 0) * images.imageCount;
console.log(
  `${model.name}, ${layers.length} layers, ${units} units, ${images.imageCount} images, ${(responses / 1e6).toFixed(0)} million responses, ${workers} workers`,
);

const bare = await measure("network alone", () => observeAll([]));
const whole = await measure("network and observer", () => observeAll(layers));
console.log(`  observer: ${((whole.wallMs - bare.wallMs) / 1000).toFixed(2)} s wall`);
const { observed, probabilities } = whole.result;
const thresholds = await measure("thresholds", async () =>
  observed.map((layer) => activationStatistics(layer, defaultTailFraction).top_threshold),
);
await measure("class attributes, 200 shuffles", async () => {
  const describer = await openDescriber(probabilities, images.labels, {
    classCount: model.classCount,
    shuffles: 200,
    seed: 1,
    workers,
  });
  for (const [at, layer] of layers.entries()) {
    await describeLayer(describer, layer.units, (from, to) => columns(observed[at], layer.units, from, to));
  }
  await describer.close();
});
const fetcher = await openFetcher(model, source, layers, { workers, threads: 1 });
const wanted = layers.flatMap(({ units: count }, layer) => {
  const top = observed[layer]?.top;
  return Array.from({ length: count }, (_, unit) =>
    Array.from({ length: top?.counts[unit] ?? 0 }, (__, rank): Wanted => {
      return { layer, unit, image: top?.indices[unit * top.size + rank] ?? 0 };
    }),
  ).flat();
});
await measure(`second pass for ${wanted.length} regions`, () => fetcher.fetch(wanted));
await fetcher.close();
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
  readonly observed: readonly ObservedLayer[];
  readonly probabilities: Float32Array;
}

async function observeAll(observedLayers: readonly Layer[]): Promise<Pass> {
  const found = await runPass(responsePass(model, source, observedLayers), source, { workers });
  return {
    observed: observedLayers.map((_, at) => found.layer(at)),
    probabilities: found.shared().probabilities,
  };
}

/** Pooled means of some units, a unit a row. */
function columns({ pooledMean }: ObservedLayer, count: number, from: number, to: number): Float64Array {
  const found = new Float64Array((to - from) * images.imageCount);
  for (let image = 0; image < images.imageCount; image++) {
    for (let unit = from; unit < to; unit++) {
      found[(unit - from) * images.imageCount + image] = pooledMean[image * count + unit];
    }
  }
  return found;
}
