/**
 * The constant that a removed unit is best replaced by: the one with which the network's predictions stay closest to the
 * intact network's, by the mean over images of KL(intact ‖ ablated). What then changes, no constant can stand for.
 *
 * That the best constant is the fair one is Li and Janson's idea ("Optimal ablation for interpretability", 2024), who
 * minimise an expected loss. This loss needs no labels, is never negative, and gains nothing where a constant merely
 * recalibrates the network: the log-probability of the true class does, and of a unit with a small effect its lowest point
 * is where noise puts it.
 *
 * Looked for on up to 1,000 images of the set, the same share of every class, within the range of the unit's responses:
 * coarsely on 250 of them, which tell the neighbourhood, then finely on all.
 */
import { type ExactSums, exactSums, mergeSums, sumsOf } from "../numeric/exact-sums.ts";
import type { BlockSource } from "../passes/image-block.ts";
import { chosenBlocks, orderSeed, splitEvenly, stratifiedBlocks } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { planKey } from "../passes/plan.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import { closedLogits } from "./closed-form.ts";
import { coarseConstants, fineConstants, refinedConstant, type TriedConstant } from "./constant-grid.ts";
import { divergencesFrom } from "./divergence.ts";
import { openFastRoute } from "./fast-route.ts";
import { filledResponses, requireFed } from "./fed-responses.ts";
import { responseSpreads } from "./response-means.ts";
import { planSuffix } from "./suffix-plan.ts";

/** Images that constants are looked for on. */
const SAMPLE = 1_000;
/** Images of the first, coarse look. */
const COARSE_SAMPLE = 250;
/** Images of one piece of the work. */
const PIECE = 128;

/** Constants to try, ascending, for every unit of a layer. */
type UnitConstants = readonly (readonly number[])[];

/** What the work needs. */
interface DivergenceSetup {
  readonly model: Model;
  readonly layers: readonly { readonly tap: string; readonly constants: UnitConstants }[];
  readonly threads: number;
}

/** Divergences summed over a block, for every constant of every unit, one unit after another. */
export const divergenceWork: BlockWork<DivergenceSetup, null, ExactSums> = {
  module: import.meta.url,
  name: "divergenceWork",
  open: async ({ model, layers, threads }) => {
    const planned = layers.map(({ tap }) => {
      const plan = planSuffix(model, tap);
      return { plan, replacement: new Float32Array(plan.units), isFed: true };
    });
    const route = await openFastRoute(model, planned, { threads, norms: false });
    const tries = Math.max(...layers.flatMap(({ constants }) => constants.map(({ length }) => length)));
    const starts = layers.map(({ constants }) => startsOf(constants));
    return async (block, report) => {
      const sums = starts.map((ends) => new Float64Array(ends[ends.length - 1]));
      const rows = Int32Array.from({ length: block.count }, (_, row) => row);
      for (let at = 0; at < tries; at++) {
        // Units that have no constant left to try keep their last one, and are not measured again.
        const fed = new Map(
          layers.map(({ tap, constants }, layer) => [
            tap,
            filledResponses(model, planned[layer].plan, {
              constants: Float32Array.from(constants, (own) => own[Math.min(at, own.length - 1)]),
              count: block.count,
            }),
          ]),
        );
        const prepared = await route.prepare(block, fed);
        const divergence = divergencesFrom(prepared.logits, model);
        for (const [index, layer] of route.layers.entries()) {
          const { units } = planned[index].plan;
          const closed = layer.closed && closedLogits(layer.closed, prepared, { units, classCount: model.classCount });
          for (let unit = 0; unit < units; unit++) {
            if (at >= layers[index].constants[unit].length) continue;
            const logits = closed
              ? closed(new Int32Array(block.count).fill(unit), rows)
              : await layer.removeUnit(prepared, unit, rows);
            let sum = 0;
            for (const row of rows) sum += divergence(row, logits, row);
            sums[index][starts[index][unit] + at] = sum;
          }
        }
        report((at + 1) / tries);
      }
      return { shared: null, layers: sums.map(exactSums) };
    };
  },
};

const mergeDivergences: Merge<null, ExactSums> = { shared: () => null, layer: mergeSums };

/**
 * The constants of least divergence at some taps, float32 `[units]` each.
 * @throws {UnitscopeError} `layer`, see `requireFed`.
 */
export async function optimalConstants(
  model: Model,
  source: BlockSource,
  {
    taps,
    workers,
    runner = inMemory,
    signal,
  }: {
    taps: readonly string[];
    workers?: number | undefined;
    runner?: PassRunner | undefined;
    signal?: AbortSignal | undefined;
  },
): Promise<Float32Array[]> {
  for (const tap of taps) requireFed(model, tap, "optimal");
  const spreads = await responseSpreads(model, source, { taps, workers, runner, signal });
  const measure = async (
    stage: string,
    images: Int32Array,
    constants: readonly UnitConstants[],
  ): Promise<TriedConstant[][][]> => {
    const chosen = chooseThreads(model, { workers, tasks: Math.ceil(images.length / PIECE) });
    const blocks = chosenBlocks({ sample: images.length }, splitEvenly(images, PIECE));
    const pass: Pass<DivergenceSetup, null, ExactSums> = {
      ...blocks,
      plan: {
        pass: `divergences, ${stage}`,
        key: planKey({ model: model.sha256, ...source.identity }, {}),
        shared: {},
        layers: taps.map((tap) => ({ name: tap, key: { tap } })),
        ...blocks.plan,
      },
      work: divergenceWork,
      setup: { model, layers: taps.map((tap, at) => ({ tap, constants: constants[at] })), threads: chosen.threads },
      merge: mergeDivergences,
    };
    const found = await runner.run(pass, source, { workers: chosen.workers, signal });
    return constants.map((units, at) => {
      const losses = sumsOf(found.layer(at));
      const starts = startsOf(units);
      return units.map((own, unit) =>
        own.map((constant, place) => ({ constant, loss: losses[starts[unit] + place] / images.length })),
      );
    });
  };
  const coarse = await measure(
    "coarse",
    sampleOf(source, COARSE_SAMPLE),
    spreads.map(({ mean, deviation, lowest, highest }) =>
      Array.from(mean, (value, unit) =>
        coarseConstants({
          mean: value,
          deviation: deviation[unit],
          lowest: lowest[unit],
          highest: highest[unit],
        }),
      ),
    ),
  );
  const fine = await measure(
    "fine",
    sampleOf(source, SAMPLE),
    coarse.map((units) => units.map(fineConstants)),
  );
  return fine.map((units) => Float32Array.from(units, refinedConstant));
}

/** Where every unit's constants start in a list of all, and where the last ones end. */
function startsOf(constants: UnitConstants): number[] {
  let end = 0;
  return [0, ...constants.map(({ length }) => (end += length))];
}

/** A stratified sample, ascending; all images where there are not more. */
function sampleOf({ identity, labels, imageCount }: BlockSource, size: number): Int32Array {
  if (imageCount <= size) return Int32Array.from({ length: imageCount }, (_, image) => image);
  return stratifiedBlocks(labels, { seed: orderSeed(identity), blockSize: size }).imagesOf(0);
}
