/**
 * The constant that a removed unit is best replaced by: the one with the least mean loss (negative log-probability of the
 * true class) of the network that has it in the unit's place. What then is lost is what no constant can stand for (Li and
 * Janson, "Optimal ablation for interpretability", 2024).
 *
 * Looked for on up to 1,000 images of the set, the same share of every class: on a grid around the unit's mean response
 * and 0, then on a finer one around its best place, then by a parabola through the best point and its neighbours.
 */
import { sumsOf } from "../numeric/exact-sums.ts";
import type { BlockSource } from "../passes/image-block.ts";
import { chosenBlocks, orderSeed, splitEvenly, stratifiedBlocks } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { planKey } from "../passes/plan.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import { type ClassSums, mergeClassSums } from "./class-sums.ts";
import { filledResponses, requireFed } from "./fed-responses.ts";
import { responseSpreads } from "./response-means.ts";
import { planSuffix } from "./suffix-plan.ts";
import { allRoutes, openBlockSweep } from "./sweep-block.ts";
import { switchedTensors } from "./switched-tensors.ts";

/** Images that constants are looked for on. */
const SAMPLE = 1_000;
/** Images of one piece of the work. */
const PIECE = 128;
/** Places of the first grid, in standard deviations from the mean. */
const COARSE = [-2, -1.5, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 1.5, 2, 3, 4];
/** Places of the second, in standard deviations from the best of the first. */
const FINE = [-0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4];

/** What the work needs. */
interface LossSetup {
  readonly model: Model;
  readonly taps: readonly string[];
  /** By tap: constants to try, each `[units]`. */
  readonly candidates: readonly (readonly Float32Array[])[];
  readonly threads: number;
}

/** What the loss grows by with every candidate, over a block. */
export const lossWork: BlockWork<LossSetup, null, readonly ClassSums[]> = {
  module: import.meta.url,
  name: "lossWork",
  open: async ({ model, taps, candidates, threads }) => {
    const planned = taps.map((tap) => {
      const plan = planSuffix(model, tap);
      return { plan, replacement: new Float32Array(plan.units), isFed: true };
    });
    const sweep = await openBlockSweep(model, planned, {
      switched: switchedTensors(model, taps),
      options: { engine: "auto", routes: allRoutes, continuous: true, verify: 0, seed: 0, threads, provider: "cpu" },
    });
    return async (block, report) => {
      const found: ClassSums[][] = taps.map(() => []);
      const tries = candidates[0]?.length ?? 0;
      for (let at = 0; at < tries; at++) {
        const fed = new Map(
          planned.map(({ plan }, layer) => [
            plan.tap,
            filledResponses(model, plan, { constants: candidates[layer][at], count: block.count }),
          ]),
        );
        const { layers } = await sweep.sweepFed(block, fed);
        for (const [layer, { continuous }] of layers.entries()) if (continuous) found[layer]?.push(continuous);
        report(at / tries);
      }
      return { shared: null, layers: found };
    };
  },
};

const mergeLosses: Merge<null, readonly ClassSums[]> = {
  shared: () => null,
  layer: (parts) => (parts[0] ?? []).map((_, at) => mergeClassSums(parts.map((part) => part[at]))),
};

/** The constants of least loss at some taps, float32 `[units]` each. @throws {UnitscopeError} `layer`, see `requireFed`. */
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
  const images = sampleOf(source);
  const chosen = chooseThreads(model, { workers, tasks: Math.ceil(images.length / PIECE) });
  const losses = async (stage: string, candidates: readonly (readonly Float32Array[])[]): Promise<Float64Array[][]> => {
    const blocks = chosenBlocks({ sample: images.length }, splitEvenly(images, PIECE));
    const pass: Pass<LossSetup, null, readonly ClassSums[]> = {
      ...blocks,
      plan: {
        pass: `losses, ${stage}`,
        key: planKey({ model: model.sha256, ...source.identity }, { grids: { coarse: COARSE, fine: FINE } }),
        shared: {},
        layers: taps.map((tap) => ({ name: tap, key: { tap } })),
        ...blocks.plan,
      },
      work: lossWork,
      setup: { model, taps, candidates, threads: chosen.threads },
      merge: mergeLosses,
    };
    const found = await runner.run(pass, source, { workers: chosen.workers, signal });
    return taps.map((_, at) => found.layer(at).map(lossesOf));
  };
  const coarse = spreads.map(({ mean, deviation }) => [
    new Float32Array(mean.length),
    ...COARSE.map((steps) => mean.map((value, unit) => value + steps * deviation[unit])),
  ]);
  const first = await losses("coarse", coarse);
  const centres = coarse.map((candidates, at) => bestOf(candidates, first[at]));
  const fine = centres.map((centre, at) =>
    FINE.map((steps) => centre.map((value, unit) => value + steps * spreads[at].deviation[unit])),
  );
  const second = await losses("fine", fine);
  return fine.map((candidates, at) => refined(candidates, second[at]));
}

/** A stratified sample, ascending; all images where there are not more. */
function sampleOf({ identity, labels, imageCount }: BlockSource): Int32Array {
  if (imageCount <= SAMPLE) return Int32Array.from({ length: imageCount }, (_, image) => image);
  const { imagesOf } = stratifiedBlocks(labels, { seed: orderSeed(identity), blockSize: SAMPLE });
  return imagesOf(0).slice(0, SAMPLE).sort();
}

/** What the loss grows by without each unit, summed over the images, `[units]`. */
function lossesOf({ classes, sums }: ClassSums): Float64Array {
  const values = sumsOf(sums);
  const quantities = 8;
  const units = values.length / (classes.length * quantities);
  return Float64Array.from({ length: units }, (_, unit) => {
    let loss = 0;
    for (let at = 0; at < classes.length; at++) {
      const start = (unit * classes.length + at) * quantities;
      loss += values[start] - values[start + 2]; // log-probability lost, minus won
    }
    return loss;
  });
}

/** Every unit's candidate of least loss; the first of equals. */
function bestOf(candidates: readonly Float32Array[], losses: readonly Float64Array[]): Float32Array {
  return Float32Array.from(candidates[0] ?? [], (_, unit) => candidates[bestAt(losses, unit)][unit]);
}

function bestAt(losses: readonly Float64Array[], unit: number): number {
  return losses.reduce((best, loss, at) => (loss[unit] < losses[best][unit] ? at : best), 0);
}

/** The lowest point of the parabola through the best of evenly spaced candidates and its neighbours. */
function refined(candidates: readonly Float32Array[], losses: readonly Float64Array[]): Float32Array {
  return Float32Array.from(candidates[0] ?? [], (_, unit) => {
    const at = bestAt(losses, unit);
    const [value, before, after] = [candidates[at][unit], losses[at - 1]?.[unit], losses[at + 1]?.[unit]];
    if (before === undefined || after === undefined) return value;
    const bend = before - 2 * losses[at][unit] + after;
    if (!(bend > 0)) return value;
    return value + ((candidates[at + 1][unit] - value) * (before - after)) / (2 * bend);
  });
}
