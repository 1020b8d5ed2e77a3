/**
 * Concept alignment (Network Dissection; Bau, Zhou, Khosla, Oliva, Torralba 2017): which concept the region where a
 * unit responds strongly overlaps best, and how that compares with what random units and shuffled masks reach.
 */
import { forEachImage } from "../data/for-each-image.ts";
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { TailSketch } from "../numeric/quantile-sketch.ts";
import { seededRandom } from "../numeric/random.ts";
import { randomDirections } from "../numeric/random-directions.ts";
import { chosenBlocks, splitEvenly } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { type JsonRecord, planKey } from "../passes/plan.ts";
import type { PassResult } from "../passes/run-pass.ts";
import { sequentialTests } from "../stats/sequential-test.ts";
import { type BestConcepts, bestConcepts } from "./best-concepts.ts";
import type { ConceptLayer } from "./concept-layer.ts";
import {
  aurocWork,
  type ConceptBlock,
  type ConceptSetup,
  mergeHistograms,
  mergeOverlaps,
  mergeSketches,
  overlapWork,
  thresholdWork,
} from "./concept-pass.ts";
import { type Concept, type ConceptSet, categoriesOf, categoryIndices, type LabelMaps } from "./concept-set.ts";
import type { ResponseField } from "./overlap-counter.ts";
import { intersectionOverUnion, type OverlapCounts, type SparseCounts, sumCounts } from "./overlap-counts.ts";
import { type Auroc, areasUnderCurves } from "./pixel-auroc.ts";

/** What to measure; every default is the one that `unitscope attributes --concepts` uses. */
export interface AlignmentOptions {
  /** Fraction of a unit's responses that its threshold lets through. */
  readonly fraction?: number;
  /** Receptive-field-centred upsampling; half-pixel when absent. */
  readonly field?: ResponseField | undefined;
  /**
   * Shuffled masks to compare a unit with, at most; 0 for none. Fewer when the set has fewer images, and for units that
   * ten of them have reached.
   */
  readonly shuffles?: number;
  /** Random units to compare with; 0 for none. */
  readonly randomUnits?: number;
  /** Directions of the random units, row-major `[count, unitCount]`, in place of drawing `randomUnits`. */
  readonly directions?: Float64Array | undefined;
  /** Whether to measure the AUROC of each unit's best concept. */
  readonly auroc?: boolean;
  readonly seed?: number;
  /** Who carries out the passes; in memory by default. */
  readonly runner?: PassRunner | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((stage: AlignmentStage, done: number, total: number) => void) | undefined;
}

/** The passes over the set, in their order. */
export type AlignmentStage = "thresholds" | "overlaps" | "auroc" | "shuffles";

/** The alignment of one layer's units with the concepts of a set. */
export interface ConceptAlignment {
  readonly concepts: readonly Concept[];
  readonly categories: readonly string[];
  /** Category of every concept, `[conceptCount]`. */
  readonly categoryOf: Int32Array;
  readonly unitCount: number;
  readonly imageCount: number;
  /** T_u, `[unitCount]`. */
  readonly thresholds: Float64Array;
  /** Relative error bound of each threshold, `[unitCount]`; 0 where it is exact. */
  readonly thresholdErrors: Float64Array;
  readonly counts: OverlapCounts;
  /** IoU, row-major `[unitCount, conceptCount]`. */
  readonly iou: Float64Array;
  readonly best: BestConcepts;
  /** AUROC of each unit with its best concept, `[unitCount]`; absent when it was not asked for. */
  readonly auroc: readonly Auroc[] | undefined;
  /** Best IoUs of the same units with the first 49 shuffled masks (or fewer); empty when none were asked for. */
  readonly shuffled: readonly BestConcepts[];
  /** Sequential p-values of the units' best IoUs against shuffled masks, `[unitCount]`; `NaN` when none were asked for. */
  readonly shuffledPValues: Float64Array;
  /** Shuffles that each unit was compared with, `[unitCount]`. */
  readonly shuffleCounts: Int32Array;
  /** Best IoUs of random units; absent when none were asked for. */
  readonly random: BestConcepts | undefined;
}

/**
 * Measures the alignment of a layer's units with a set's concepts.
 *
 * Shuffled masks: the images stand in a random order, and for shift s each image's responses meet the labels of the image
 * that stands s places before it (in a circle). So the shifts are random permutations that give no image its own labels.
 * All units meet the first 49; after that only those that fewer than ten shuffles have reached.
 *
 * @throws {UnitscopeError} `data` for an empty set or damaged labels, `value` for responses that are not finite,
 * `interrupted`.
 */
export async function alignConcepts(
  set: ConceptSet,
  layer: ConceptLayer,
  {
    fraction = 0.005,
    field,
    shuffles = 499,
    randomUnits = 256,
    directions,
    auroc = true,
    seed = 0,
    runner = inMemory,
    signal,
    progress,
  }: AlignmentOptions = {},
): Promise<ConceptAlignment> {
  const { imageCount } = set;
  if (imageCount === 0 || set.concepts.length === 0) {
    throw new UnitscopeError(
      "data",
      `concepts "${set.name}": expected at least one image and one concept, got ${imageCount} and ${set.concepts.length}`,
    );
  }
  throwIfInterrupted(signal, "concept alignment");
  const categoryOf = categoryIndices(set.concepts);
  const categoryCount = categoriesOf(set.concepts).length;
  const drawn = directions ?? (randomUnits > 0 ? randomDirections(layer.unitCount, randomUnits, seed) : undefined);
  const { graph, input, tap, layer: name, unitCount, height, width, choice } = layer;
  const setup: ConceptSetup = {
    ...{ graph, input, tap, layer: name, unitCount, height, width },
    ...{ threads: choice.threads, provider: layer.provider, field, categoryOf, categoryCount, directions: drawn },
  };
  const listed = Int32Array.from({ length: imageCount }, (_, image) => image);
  const walk = async <Setup, Layer>(
    stage: AlignmentStage,
    { order = listed, lags = { from: 0, to: 0 }, ...rest }: Walk<Setup, Layer>,
  ): Promise<PassResult<null, Layer>> =>
    await runner.run(
      passOf(set, layer, stage, { order, ...rest }),
      blocksOf(set, layer, { order, lags, stage, signal }),
      { workers: choice.workers, signal, progress: progress && ((done) => progress(stage, done, imageCount)) },
    );

  const hasRandom = drawn !== undefined;
  const common: JsonRecord = { fraction, directions: drawn ? digestOf(drawn) : null };
  const sketches = await walk("thresholds", {
    key: common,
    hasRandom,
    work: thresholdWork,
    setup: { ...setup, fraction, imageCount },
    merge: mergeSketches,
  });
  const sketch = TailSketch.from(sketches.layer(0));
  const thresholds = sketch.thresholds();
  const randomThresholds = drawn && TailSketch.from(sketches.layer(1)).thresholds();

  const order = listed.slice();
  const most = Math.min(shuffles, imageCount - 1);
  if (most > 0) seededRandom(seed, 0x5f1e).shuffle(order);
  const counted: JsonRecord = { ...common, seed, field: field ? sha256(JSON.stringify(field)) : null };
  const overlapsOf = (lags: Lags, units?: Int32Array): Promise<PassResult<null, readonly SparseCounts[]>> => {
    const some = units
      ? { units, directions: undefined, thresholds: Float64Array.from(units, (unit) => thresholds[unit]) }
      : { thresholds, randomThresholds };
    return walk(units ? "shuffles" : "overlaps", {
      order: units?.length === 0 ? new Int32Array(0) : order,
      lags,
      key: { ...counted, lags: { ...lags }, units: units ? digestOf(units) : "all" },
      hasRandom: hasRandom && !units,
      work: overlapWork,
      setup: { ...setup, shuffles: lags.to - lags.from, ...some },
      merge: mergeOverlaps,
    });
  };
  const first = Math.min(most, FIRST_SHUFFLES);
  const overlaps = await overlapsOf({ from: 0, to: first });
  const [counts, ...shifted] = denseOf(overlaps, 0) as [OverlapCounts, ...OverlapCounts[]];
  const best = (each: OverlapCounts): BestConcepts => bestConcepts(intersectionOverUnion(each, categoryOf), categoryOf);
  const iou = intersectionOverUnion(counts, categoryOf);
  const found = bestConcepts(iou, categoryOf);
  const shuffled = shifted.map(best);
  const tests = sequentialTests(unitCount);
  for (const each of shuffled) tests.draw((unit) => each.iou[unit] >= found.iou[unit]);
  const units = Array.from({ length: unitCount }, (_, unit) => unit);
  const histograms =
    auroc &&
    (await walk("auroc", {
      key: { ...counted, concepts: digestOf(found.concept) },
      hasRandom: false,
      work: aurocWork,
      setup: {
        ...setup,
        concepts: found.concept,
        minima: Float64Array.from(units, (unit) => sketch.minimum(unit)),
        maxima: Float64Array.from(units, (unit) => sketch.maximum(unit)),
      },
      merge: mergeHistograms,
    }));
  const roundOf = async (done: number): Promise<Round> => {
    const open = done < most ? tests.open() : new Int32Array(0);
    const bytes = 8 * open.length * (set.concepts.length + 1);
    const size = Math.max(1, Math.min(most - done, Math.floor(ROUND_BYTES / bytes)));
    return { open, to: done + size, result: await overlapsOf({ from: done + 1, to: done + size }, open) };
  };
  const take = ({ open, result }: Round): void => {
    if (open.length === 0 || tests.open().length === 0) return;
    const place = new Map(Array.from(open, (unit, at) => [unit, at]));
    for (const each of denseOf(result, 0).map(best)) {
      tests.draw((unit) => each.iou[place.get(unit) ?? 0] >= found.iou[unit]);
    }
  };
  if (runner.isShared) {
    // Where others compute too, every round waits for all of them: so all rounds at once, for all units that are open.
    const rounds = [await roundOf(first)];
    for (let last = rounds[0]; last.open.length > 0 && last.to < most; rounds.push(last)) last = await roundOf(last.to);
    for (const round of rounds) take(round);
  } else {
    for (let done = first; done < most && tests.open().length > 0; ) {
      const round = await roundOf(done);
      take(round);
      done = round.to;
    }
  }
  return {
    concepts: set.concepts,
    categories: categoriesOf(set.concepts),
    categoryOf,
    unitCount,
    imageCount,
    thresholds,
    thresholdErrors: Float64Array.from(units, (unit) => sketch.relativeError(unit)),
    counts,
    iou,
    best: found,
    auroc: histograms ? areasUnderCurves(histograms.layer(0)) : undefined,
    shuffled,
    shuffledPValues: tests.pValues(),
    shuffleCounts: tests.draws,
    random: drawn && best(denseOf(overlaps, 1)[0]),
  };
}

/** Shuffles that all units are compared with. */
const FIRST_SHUFFLES = 49;

/** What the counts of one further round may take in a worker. */
const ROUND_BYTES = 32e6;

/** Labels that responses meet: of the images that stand `from` to `to` places before; 0 is an image's own. */
interface Lags {
  readonly from: number;
  readonly to: number;
}

/** Further shuffles, up to the `to`-th, of the units that were open. */
interface Round {
  readonly open: Int32Array;
  readonly to: number;
  readonly result: PassResult<null, readonly SparseCounts[]>;
}

function denseOf(result: PassResult<null, readonly SparseCounts[]>, at: number): OverlapCounts[] {
  return result.layer(at).map((part) => sumCounts([part]));
}

/** One walk over the set. */
interface Walk<Setup, Layer> {
  /** The images in their order; that of the set when absent. */
  readonly order?: Int32Array;
  /** Which labels it needs; each image's own when absent. */
  readonly lags?: Lags;
  /** Everything that its parts depend on beside the network, the tap and the set. */
  readonly key: JsonRecord;
  /** Whether random units have a part too. */
  readonly hasRandom: boolean;
  readonly work: BlockWork<Setup, null, Layer, never, ConceptBlock>;
  readonly setup: Setup;
  readonly merge: Merge<null, Layer>;
}

function passOf<Setup, Layer>(
  set: ConceptSet,
  { layer, tap, blockSize, key }: ConceptLayer,
  stage: AlignmentStage,
  { order, key: own, hasRandom, work, setup, merge }: Omit<Walk<Setup, Layer>, "lags"> & { order: Int32Array },
): Pass<Setup, null, Layer, never, ConceptBlock> {
  const blocks = chosenBlocks(own, splitEvenly(order, blockSize));
  const { model, preprocessing } = key as { model: string; preprocessing: JsonRecord };
  return {
    ...blocks,
    plan: {
      pass: `concept ${stage}`,
      key: planKey({ model, preprocessing, images: set.hash }, own),
      shared: {},
      layers: ["units", ...(hasRandom ? ["random units"] : [])].map((part) => ({
        name: `${layer}: ${part}`,
        key: { tap },
      })),
      ...blocks.plan,
    },
    work,
    setup,
    merge,
  };
}

function digestOf(values: Float64Array | Int32Array): string {
  return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Reads blocks of the set: pixels, and the labels that the stage needs. */
function blocksOf(
  set: ConceptSet,
  { imageDims, writeImage }: ConceptLayer,
  {
    order,
    lags,
    stage,
    signal,
  }: { order: Int32Array; lags: Lags; stage: AlignmentStage; signal: AbortSignal | undefined },
): { read(images: Int32Array): Promise<ConceptBlock> } {
  const place = new Map(Array.from(order, (image, at) => [image, at]));
  const size = imageDims.reduce((a, b) => a * b, 1);
  const each = (count: number, work: (at: number) => Promise<void>): Promise<void> =>
    forEachImage(count, { signal, place: `concepts "${set.name}"` }, work);
  return {
    read: async (images) => {
      const count = images.length;
      const data = new Float32Array(count * size);
      await each(count, (row) => writeImage(images[row], data.subarray(row * size, (row + 1) * size)));
      const first = place.get(images[0]) ?? 0;
      const labelled = Array.from(
        { length: stage === "thresholds" ? 0 : count + lags.to - lags.from },
        (_, at) => order[(first + at - lags.to + order.length) % order.length],
      );
      const maps: LabelMaps[] = [];
      await each(labelled.length, async (at) => {
        maps[at] = await set.labels(labelled[at]);
      });
      return { count, images: images.slice(), labels: new Int32Array(count), imageDims, data, maps };
    },
  };
}
