/**
 * The mean response of every unit over images and positions, which the method `mean` puts in its place, and the standard
 * deviation and range, in which `optimal` looks for its constants.
 *
 * Summed in double precision, with batches of a fixed size on one thread, and exactly over the blocks, so that the
 * constant is the same to the last bit whatever the number of workers.
 */
import { UnitscopeError } from "../errors.ts";
import { type ExactSums, exactSums, mergeSums, sumsOf } from "../numeric/exact-sums.ts";
import { cutTo } from "../onnx/edit.ts";
import type { BlockSource, ImageBlock } from "../passes/image-block.ts";
import { blockSizeFor, consecutiveBlocks } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { planKey } from "../passes/plan.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import { imagesAtOnce } from "../runtime/images-at-once.ts";
import type { Model } from "../runtime/open-model.ts";
import { openSession, type Session } from "../runtime/session.ts";
import { pickImages } from "./plain-route.ts";
import { type UnitPlace, unitPlace } from "./suffix-plan.ts";

/** What the work needs. */
interface MeansSetup {
  readonly model: Model;
  readonly taps: readonly string[];
}

/** Sums of one layer's responses. */
interface ResponseSums {
  /** `[units]`. */
  readonly sums: ExactSums;
  /** Of squares, `[units]`. */
  readonly squares: ExactSums;
  /** Smallest and largest response, `[units]`. */
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
  /** Values behind each sum: images × positions. */
  readonly count: number;
}

const BATCH = 16;

/** Sums every unit's responses over a block. */
export const meansWork: BlockWork<MeansSetup, null, ResponseSums> = {
  module: import.meta.url,
  name: "meansWork",
  open: async ({ model, taps }) => {
    const session = await openSession(cutTo(model.graph, [...taps]), { threads: 1, place: `model "${model.name}"` });
    return async (block) => ({ shared: null, layers: await sumResponses(session, model, taps, block) });
  },
};

const mergeMeans: Merge<null, ResponseSums> = {
  shared: () => null,
  layer: (parts) => ({
    sums: mergeSums(parts.map(({ sums }) => sums)),
    squares: mergeSums(parts.map(({ squares }) => squares)),
    lowest: extremes(
      parts.map(({ lowest }) => lowest),
      Math.min,
    ),
    highest: extremes(
      parts.map(({ highest }) => highest),
      Math.max,
    ),
    count: parts.reduce((sum, part) => sum + part.count, 0),
  }),
};

/** The pass that sums the responses at some taps. */
function meansPass(model: Model, source: BlockSource, taps: readonly string[]): Pass<MeansSetup, null, ResponseSums> {
  const blocks = consecutiveBlocks(source.imageCount, blockSizeFor(model));
  return {
    ...blocks,
    plan: {
      pass: "response sums",
      key: planKey({ model: model.sha256, ...source.identity }, { sums: { range: true } }),
      shared: {},
      layers: taps.map((tap) => ({ name: tap, key: { tap } })),
      ...blocks.plan,
    },
    work: meansWork,
    setup: { model, taps },
    merge: mergeMeans,
  };
}

/** Whose responses are summed, and by whom. */
export interface ResponseSumsOptions {
  readonly taps: readonly string[];
  readonly workers?: number | undefined;
  readonly runner?: PassRunner | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The mean responses at some taps, float32 `[units]` each. */
export async function meanResponses(
  model: Model,
  source: BlockSource,
  options: ResponseSumsOptions,
): Promise<Float32Array[]> {
  return (await responseSpreads(model, source, options)).map(({ mean }) => mean);
}

/** What the responses at a tap are like, float32 `[units]` each. */
export interface ResponseSpread {
  readonly mean: Float32Array;
  /** Standard deviation over images and positions. */
  readonly deviation: Float32Array;
  /** Smallest and largest response. */
  readonly lowest: Float32Array;
  readonly highest: Float32Array;
}

/** Mean, standard deviation and range of the responses at some taps. */
export async function responseSpreads(
  model: Model,
  source: BlockSource,
  { taps, workers, runner = inMemory, signal }: ResponseSumsOptions,
): Promise<ResponseSpread[]> {
  const pass = meansPass(model, source, taps);
  const found = await runner.run(pass, source, { workers: chooseThreads(model, { workers }).workers, signal });
  return taps.map((_, at) => {
    const { sums, squares, lowest, highest, count } = found.layer(at);
    const means = sumsOf(sums).map((total) => total / count);
    const variances = sumsOf(squares).map((total, unit) => Math.max(0, total / count - means[unit] ** 2));
    return {
      mean: Float32Array.from(means),
      deviation: Float32Array.from(variances, Math.sqrt),
      lowest: Float32Array.from(lowest),
      highest: Float32Array.from(highest),
    };
  });
}

function extremes(parts: readonly Float64Array[], pick: (...values: number[]) => number): Float64Array {
  return Float64Array.from(parts[0] ?? [], (_, unit) => pick(...parts.map((part) => part[unit])));
}

/** Where a tap's units are. @throws {UnitscopeError} `layer` where images could not be told from their fill. */
function meanPlace(model: Model, tap: string): UnitPlace {
  if (model.batch === null || model.batch === 1) return unitPlace(model, tap);
  throw new UnitscopeError(
    "layer",
    `tensor "${tap}": expected a network of any number of images for means, got one of ${model.batch} at a time; use method zero`,
  );
}

async function sumResponses(
  session: Session,
  model: Model,
  taps: readonly string[],
  block: ImageBlock,
): Promise<ResponseSums[]> {
  const rows = Int32Array.from({ length: block.count }, (_, row) => row);
  const sums: Float64Array[] = [];
  const squares: Float64Array[] = [];
  const lowest: Float64Array[] = [];
  const highest: Float64Array[] = [];
  const counts = taps.map(() => 0);
  const places = taps.map((tap) => meanPlace(model, tap));
  const size = imagesAtOnce(model, BATCH);
  for (let start = 0; start < block.count; start += size) {
    const count = Math.min(size, block.count - start);
    const results = await session.run({ [model.input.name]: pickImages(block, rows, { start, count }) });
    for (const [index, { tap, units, axis, unitSize }] of places.entries()) {
      const { dims, data } = results[tap] as { dims: readonly number[]; data: Float32Array };
      // Numbers that are one unit's stand together: its entries of the axis, and all behind them.
      const run = unitSize * dims.slice(axis + 1).reduce((a, b) => a * b, 1);
      const sum = (sums[index] ??= new Float64Array(units));
      const square = (squares[index] ??= new Float64Array(units));
      const low = (lowest[index] ??= new Float64Array(units).fill(Infinity));
      const high = (highest[index] ??= new Float64Array(units).fill(-Infinity));
      for (let at = 0, channel = 0; at < data.length; channel++) {
        let total = 0;
        let power = 0;
        const unit = channel % units;
        let [least, most] = [low[unit], high[unit]];
        for (const end = at + run; at < end; at++) {
          const value = data[at];
          total += value;
          power += value * value;
          if (value < least) least = value;
          if (value > most) most = value;
        }
        sum[unit] += total;
        square[unit] += power;
        [low[unit], high[unit]] = [least, most];
      }
      counts[index] = counts[index] + data.length / units;
    }
  }
  return sums.map((sum, index) => ({
    sums: exactSums(sum),
    squares: exactSums(squares[index]),
    lowest: lowest[index],
    highest: highest[index],
    count: counts[index],
  }));
}
