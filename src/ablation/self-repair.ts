/**
 * What the rest of the network makes up for when a unit is gone (self-repair; McGrath et al., "The Hydra effect", 2023):
 * the direct effect on the logits, with everything behind the layer as it was, against the total effect.
 *
 * Both are changes of one number of an image: the logit of its class minus that of the class that came next in the intact
 * network. The total is measured; the direct one is the gradient times the change of the response, which is exact while
 * ReLUs and pools stay as they were. A difference of the two within the network's measured tolerance is rounding.
 */
import { UnitscopeError } from "../errors.ts";
import type { BlockSource, ImageBlock } from "../passes/image-block.ts";
import { blocksOf } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { planKey } from "../passes/plan.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import { floatValue, openSession, type Session } from "../runtime/session.ts";
import { type ClassSums, type CompanionChanges, collectChanges, denseSums, mergeClassSums } from "./class-sums.ts";
import { closedLogits } from "./closed-form.ts";
import { type DirectGraph, directGraph, WEIGHTS_INPUT } from "./direct-graph.ts";
import { openFastRoute } from "./fast-route.ts";
import { requireFed } from "./fed-responses.ts";
import { pickImages } from "./plain-route.ts";
import { companionsFor } from "./predictions.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import type { Replacement } from "./replacement.ts";
import { planSuffix, type SuffixPlan } from "./suffix-plan.ts";
import type { AblationMethod } from "./sweep.ts";
import { withMeasuredTolerance } from "./tie-tolerance.ts";

/** Images of one run of the gradient. */
const BATCH = 16;

interface RepairSetup extends Replacement {
  readonly model: Model;
  readonly threads: number;
}

/** Direct minus total effect, and the total one, of every unit on every image of a block. */
export const selfRepairWork: BlockWork<RepairSetup, null, ClassSums> = {
  module: import.meta.url,
  name: "selfRepairWork",
  open: async ({ model, tap, replacement, threads }) => {
    const plan = planSuffix(model, tap);
    const route = await openFastRoute(model, [{ plan, replacement }], { threads, observed: [tap], norms: false });
    const direct = directGraph(model, tap, BATCH);
    const session = await openSession(direct.graph, { threads, place: `model "${model.name}"` });
    const [layer] = route.layers;
    return async (block, report) => {
      const prepared = await route.prepare(block);
      const rivals = rivalsOf(prepared, block.labels, model.classCount);
      const gradient = await gradientOf({ session, direct, model }, { block, prepared, rivals, tap });
      const response = prepared.tensors.get(tap) as BlockTensor;
      const collector = collectChanges(plan.units, block.labels);
      const rows = Int32Array.from({ length: block.count }, (_, row) => row);
      const { classCount } = model;
      const closed = layer.closed && closedLogits(layer.closed, prepared, { units: plan.units, classCount });
      const before = rows.map((row) => row * classCount);
      const lead = (logits: Float32Array, start: number, row: number): number =>
        logits[start + block.labels[row]] - logits[start + rivals[row]];
      for (let unit = 0; unit < plan.units; unit++) {
        const units = new Int32Array(block.count).fill(unit);
        const logits = closed ? closed(units, rows) : await layer.removeUnit(prepared, unit, rows);
        const drops = companionsFor(block.count);
        for (const row of rows) {
          const own = lead(prepared.logits, before[row], row);
          const total = own - lead(logits, before[row], row);
          const first = directChange({ plan, response, gradient, replacement }, unit, row);
          const scale = Math.max(model.logitFloor, largestOf(prepared.logits, before[row], classCount));
          const repaired = Math.abs(first - total) <= model.tieTolerance * scale ? 0 : first - total;
          drops.logProbabilities[row] = repaired;
          drops.margins[row] = total;
        }
        collector.add({ units, rows }, drops);
        report(unit / plan.units);
      }
      return { shared: null, layers: [collector.finish()] };
    };
  },
};

const mergeRepair: Merge<null, ClassSums> = { shared: () => null, layer: mergeClassSums };

/**
 * Measures a layer's self-repair: of `CompanionChanges`, the first quantity is direct minus total effect, the second the
 * total one.
 * @throws {UnitscopeError} `layer`, see `requireFed`; `model` for an operator without a gradient behind the layer, and
 * where rounding moves logits by too much to tell the two effects apart.
 */
export async function measureSelfRepair(
  model: Model,
  images: BlockSource,
  { name, method, replacement }: { name: string; method: AblationMethod; replacement: Replacement },
  {
    workers,
    runner = inMemory,
    progress,
    signal,
  }: {
    workers?: number | undefined;
    runner?: PassRunner | undefined;
    progress?: ((done: number, total: number) => void) | undefined;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<CompanionChanges> {
  const { tap } = replacement;
  requireFed(model, tap, "of self-repair");
  directGraph(model, tap, 1); // what cannot be differentiated is refused before any work
  const blocks = blocksOf(images, model);
  const chosen = chooseThreads(model, { workers, tasks: blocks.plan.to });
  const setup: RepairSetup = { model, ...replacement, threads: chosen.threads };
  const pass: Pass<RepairSetup, null, ClassSums> = {
    ...blocks,
    plan: {
      pass: "self-repair",
      key: planKey({ model: model.sha256, ...images.identity }, { ablation: { method } }),
      shared: {},
      layers: [{ name, key: { tap } }],
      ...blocks.plan,
    },
    work: selfRepairWork,
    setup,
    settle: async () => {
      const layers = [replacement];
      const measured = await withMeasuredTolerance(model, images, { layers, threads: setup.threads, signal });
      if (measured.tieTolerance < Infinity) return { ...setup, model: measured };
      throw new UnitscopeError(
        "model",
        `model "${model.name}": expected logits that rounding hardly moves, to tell direct from total effects, got differences as large as the margins of predictions`,
      );
    },
    merge: mergeRepair,
  };
  const total = images.imageCount;
  const found = await runner.run(pass, images, {
    workers: chosen.workers,
    signal,
    progress: progress && ((done) => progress(done, total)),
  });
  return denseSums(found.layer(0), model.classCount);
}

/** The class that has the largest logit beside an image's own, `[count]`; the lowest of equals. */
function rivalsOf({ logits }: PreparedBlock, labels: Int32Array, classCount: number): Int32Array {
  return labels.map((label, row) => {
    let best = -1;
    for (let cls = 0; cls < classCount; cls++) {
      if (cls === label) continue;
      if (best < 0 || logits[row * classCount + cls] > logits[row * classCount + best]) best = cls;
    }
    return Math.max(0, best);
  });
}

/** Gradient of every image's lead by the response, of the response's shape. */
async function gradientOf(
  { session, direct, model }: { session: Session; direct: DirectGraph; model: Model },
  { block, prepared, rivals, tap }: { block: ImageBlock; prepared: PreparedBlock; rivals: Int32Array; tap: string },
): Promise<Float32Array> {
  const response = prepared.tensors.get(tap) as BlockTensor;
  const own = { count: block.count, imageDims: response.dims.slice(1), data: response.data };
  const weights = new Float32Array(block.count * model.classCount);
  block.labels.forEach((label, row) => {
    weights[row * model.classCount + label] += 1;
    weights[row * model.classCount + rivals[row]] -= 1;
  });
  const leads = { count: block.count, imageDims: [model.classCount], data: weights };
  const rows = Int32Array.from({ length: block.count }, (_, row) => row);
  const found = new Float32Array(response.data.length);
  const size = response.data.length / block.count;
  for (let start = 0; start < block.count; start += BATCH) {
    const batch = { start, count: Math.min(BATCH, block.count - start), batch: BATCH };
    const feeds = Object.fromEntries(
      session.inputNames.map((name) => {
        const from = name === tap ? own : name === WEIGHTS_INPUT ? leads : block;
        const { dims, data } = pickImages(from, rows, batch);
        return [name, floatValue(dims, data)];
      }),
    );
    const results = await session.run(feeds);
    const gradient = results[direct.gradient]?.data as Float32Array;
    found.set(gradient.subarray(0, batch.count * size), start * size);
  }
  return found;
}

/** The gradient times what the unit's removal takes from the response. */
function directChange(
  {
    plan,
    response,
    gradient,
    replacement,
  }: { plan: SuffixPlan; response: BlockTensor; gradient: Float32Array; replacement: Float32Array },
  unit: number,
  row: number,
): number {
  const { axis, unitSize, units } = plan;
  const { dims, data } = response;
  const run = unitSize * dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = dims.slice(1, axis).reduce((a, b) => a * b, 1);
  const size = data.length / dims[0];
  let sum = 0;
  for (let part = 0; part < outer; part++) {
    const start = row * size + (part * units + unit) * run;
    for (let at = start; at < start + run; at++) sum += gradient[at] * (data[at] - replacement[unit]);
  }
  return sum;
}

function largestOf(logits: Float32Array, start: number, count: number): number {
  let largest = 0;
  for (let at = start; at < start + count; at++) largest = Math.max(largest, Math.abs(logits[at]));
  return largest;
}
