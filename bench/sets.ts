/**
 * What unit sets and rotations cost on the shipped network's conv5: the greedy search of every class, the measuring of all
 * sequences, and one random rotation; beside the plain way, timed on a sample with the same workers and scaled up.
 * Wall-clock time and processor time (of all threads): on a busy machine the second tells more.
 *
 *   npm run bench:sets -- [--limit N] [--size N] [--layer NAME] [--workers N]
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { findReplacement } from "../src/ablation/replacement.ts";
import { openImageSet } from "../src/data/open-image-set.ts";
import { preprocessingFromJson } from "../src/data/parse-preprocessing.ts";
import { pickLayers } from "../src/onnx/pick-layers.ts";
import { blockSource } from "../src/passes/image-block.ts";
import { runRotation } from "../src/rotation/run-rotation.ts";
import { openModel } from "../src/runtime/open-model.ts";
import { type RunSetsOptions, runSets } from "../src/sets/run-sets.ts";

const { values } = parseArgs({
  options: {
    limit: { type: "string" },
    size: { type: "string", default: "20" },
    layer: { type: "string", default: "conv5" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const workers = Number(values.workers);
const size = Number(values.size);
const model = await openModel("models/alexnet-cifar10.onnx");
const preprocessing = preprocessingFromJson(
  model.metadata.get("unitscope.preprocessing") ?? "",
  "the model's preprocessing",
);
const set = await openImageSet("cifar10:test", values.limit === undefined ? {} : { limit: Number(values.limit) });
const [layer] = pickLayers(model.layers, [values.layer]);
if (!layer) throw new Error(`no layer ${values.layer}`);
const images = blockSource(set, preprocessing);
const replacement = await findReplacement(model, { images, layer, method: "zero", workers });
const { classNames } = set;
const subject = { images, classNames, layer: layer.name, units: layer.units, method: "zero", replacement } as const;
const classes = set.classNames.map((_, cls) => cls);
const nothing: RunSetsOptions = {
  classes,
  size,
  rankSplit: 0.5,
  greedy: false,
  single: false,
  keep: false,
  random: 0,
  workers,
};

/** Runs and prints wall-clock and processor seconds. */
async function timed<T>(
  title: string,
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; processor: number }> {
  const [began, used] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(used);
  const [seconds, processor] = [(performance.now() - began) / 1000, (user + system) / 1e6];
  console.log(`${title}: ${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of processor time`);
  return { result, seconds, processor };
}

console.log(`${model.name}, ${layer.name} (${layer.units} units), ${set.imageCount} images, ${workers} workers`);
const baseline = await timed("measuring nothing: one pass over the measuring half", () =>
  runSets(model, subject, nothing),
);
const greedy = await timed(`greedy: ${classes.length} classes × ${size} steps, searched and measured`, () =>
  runSets(model, subject, { ...nothing, greedy: true }),
);
const { searchMs, measureMs } = greedy.result.timings;
console.log(`  of which search ${(searchMs / 1000).toFixed(1)} s, measuring ${(measureMs / 1000).toFixed(1)} s`);
const { work } = greedy.result;
const pairs = work.computed + work.silent + work.certified + work.abandoned;
for (const [kind, count] of Object.entries(work)) console.log(`  ${kind}: ${((100 * count) / pairs).toFixed(2)} %`);
await timed("every strategy, 100 random sequences", () =>
  runSets(model, subject, { ...nothing, greedy: true, single: true, keep: true, random: 100 }),
);

// The plain way on a sample: every unit of one step, for the first images of one class.
const sample = await openImageSet("cifar10:test", { limit: 16 });
const plain = await timed(`plain way on a sample: ${layer.units} sets × ${sample.imageCount} images`, () =>
  runSets(
    model,
    { ...subject, images: blockSource(sample, preprocessing) },
    { ...nothing, rankSplit: null, single: true, engine: "plain", size: 1 },
  ),
);
const samplePairs = plain.result.work.computed + sample.imageCount * (1 + 2 * classes.length);
console.log(`  the greedy search as the issue counts it has ${pairs.toLocaleString("en")} pairs`);
const perPair = plain.processor / samplePairs;
console.log(
  `  plain search: ${((perPair * pairs) / 3600).toFixed(2)} h of processor time, ${((perPair * pairs) / (greedy.processor - baseline.processor)).toFixed(0)} times the fast one`,
);

const rotation = await timed("one random rotation: every direction on all images", () =>
  runRotation(model, images, subject, { bases: [{ basis: "random", t: 1, seed: 1 }], workers }),
);
const settled = rotation.result.bases[0]?.settled;
console.log(`  ${JSON.stringify(settled)}, self-test ${JSON.stringify(rotation.result.bases[0]?.selfTest)}`);
