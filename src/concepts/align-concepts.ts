/**
 * Concept alignment (Network Dissection; Bau, Zhou, Khosla, Oliva, Torralba 2017): which concept the region where a
 * unit responds strongly overlaps best, and how that compares with what random units and shuffled masks reach.
 */
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { TailSketch } from "../numeric/quantile-sketch.ts";
import { seededRandom } from "../numeric/random.ts";
import { randomDirections } from "../numeric/random-directions.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import type { JsonRecord } from "../passes/plan.ts";
import type { PassResult } from "../passes/run-pass.ts";
import { sequentialTests } from "../stats/sequential-test.ts";
import { type BestConcepts, bestConcepts } from "./best-concepts.ts";
import type { ConceptLayer } from "./concept-layer.ts";
import { aurocWork, type ConceptSetup, mergeHistograms, mergeSketches, thresholdWork } from "./concept-pass.ts";
import { type Concept, type ConceptSet, categoriesOf, categoryIndices } from "./concept-set.ts";
import { type AlignmentStage, conceptWalker, digestOf, type Walker } from "./concept-walk.ts";
import { roomForResponses } from "./kept-responses.ts";
import type { ResponseField } from "./overlap-counter.ts";
import { intersectionOverUnion, type OverlapCounts } from "./overlap-counts.ts";
import { type Auroc, type AurocCounter, areasUnderCurves } from "./pixel-auroc.ts";
import { denseOf, FIRST_SHUFFLES, overlapWalks, shuffleOn } from "./shuffled-masks.ts";

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
 * Measures the alignment of a layer's units with a set's concepts. What shuffled masks are, and how many a unit meets:
 * `shuffled-masks.ts`.
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
  checkNotEmpty(set);
  throwIfInterrupted(signal, "concept alignment");
  const { concepts, imageCount } = set;
  const { unitCount } = layer;
  const categoryOf = categoryIndices(concepts);
  const drawn = directions ?? (randomUnits > 0 ? randomDirections(unitCount, randomUnits, seed) : undefined);
  const kept = roomForResponses(imageCount, unitCount * layer.height * layer.width);
  const walk = conceptWalker(set, layer, { runner, kept, signal, progress });
  const setup = setupOf(layer, { concepts, categoryOf, field, directions: drawn, kept });

  const own: JsonRecord = { fraction, directions: drawn ? digestOf(drawn) : null };
  const [sketch, randomSketch] = await sketchesOf(walk, { setup, key: own, fraction, imageCount });
  const thresholds = sketch.thresholds();

  const key: JsonRecord = { ...own, seed, field: field ? sha256(JSON.stringify(field)) : null };
  const most = Math.min(shuffles, imageCount - 1);
  const order = Int32Array.from({ length: imageCount }, (_, image) => image);
  if (most > 0) seededRandom(seed, 0x5f1e).shuffle(order);
  const overlapsOf = overlapWalks(walk, {
    ...{ setup, key, order, thresholds },
    randomThresholds: randomSketch?.thresholds(),
  });
  const first = Math.min(most, FIRST_SHUFFLES);
  const overlaps = await overlapsOf({ from: 0, to: first });
  const [counts, ...shifted] = denseOf(overlaps, 0) as [OverlapCounts, ...OverlapCounts[]];
  const bestOf = (each: OverlapCounts): BestConcepts =>
    bestConcepts(intersectionOverUnion(each, categoryOf), categoryOf);
  const iou = intersectionOverUnion(counts, categoryOf);
  const best = bestConcepts(iou, categoryOf);
  const shuffled = shifted.map(bestOf);
  const tests = sequentialTests(unitCount);
  for (const each of shuffled) tests.draw((unit) => each.iou[unit] >= best.iou[unit]);

  // What others compute with us is read last: until all of it is there, reading throws.
  const histograms = auroc ? await histogramsOf(walk, { setup, key, sketch, concept: best.concept }) : undefined;
  const { isShared } = runner;
  const conceptCount = concepts.length;
  await shuffleOn(tests, overlapsOf, { first, most, observed: best.iou, best: bestOf, conceptCount, isShared });
  return {
    concepts,
    categories: categoriesOf(concepts),
    ...{ categoryOf, unitCount, imageCount, thresholds },
    thresholdErrors: Float64Array.from({ length: unitCount }, (_, unit) => sketch.relativeError(unit)),
    ...{ counts, iou, best },
    auroc: histograms && areasUnderCurves(histograms.layer(0)),
    shuffled,
    shuffledPValues: tests.pValues(),
    shuffleCounts: tests.draws,
    random: drawn && bestOf(denseOf(overlaps, 1)[0]),
  };
}

function checkNotEmpty({ name, imageCount, concepts }: ConceptSet): void {
  if (imageCount > 0 && concepts.length > 0) return;
  throw new UnitscopeError(
    "data",
    `concepts "${name}": expected at least one image and one concept, got ${imageCount} and ${concepts.length}`,
  );
}

/** What every walk needs in the worker. */
function setupOf(
  { graph, input, tap, layer, unitCount, height, width, choice, provider }: ConceptLayer,
  {
    concepts,
    ...rest
  }: Pick<ConceptSetup, "categoryOf" | "field" | "directions" | "kept"> & Pick<ConceptSet, "concepts">,
): ConceptSetup {
  return {
    ...{ graph, input, tap, layer, unitCount, height, width, threads: choice.threads, provider },
    categoryCount: categoriesOf(concepts).length,
    ...rest,
  };
}

/** Sketches of the units' responses, then of the random units' if there are any. */
async function sketchesOf(
  walk: Walker,
  { setup, key, fraction, imageCount }: { setup: ConceptSetup; key: JsonRecord; fraction: number; imageCount: number },
): Promise<[TailSketch, TailSketch?]> {
  const hasRandom = setup.directions !== undefined;
  const sketches = await walk("thresholds", {
    key,
    hasRandom,
    work: thresholdWork,
    setup: { ...setup, fraction, imageCount },
    merge: mergeSketches,
  });
  const own = TailSketch.from(sketches.layer(0));
  return hasRandom ? [own, TailSketch.from(sketches.layer(1))] : [own];
}

/** Histograms of each unit's responses in and out of one concept. */
async function histogramsOf(
  walk: Walker,
  { setup, key, sketch, concept }: { setup: ConceptSetup; key: JsonRecord; sketch: TailSketch; concept: Int32Array },
): Promise<PassResult<null, AurocCounter["histograms"]>> {
  return await walk("auroc", {
    key: { ...key, concepts: digestOf(concept) },
    hasRandom: false,
    work: aurocWork,
    setup: {
      ...setup,
      concepts: concept,
      minima: Float64Array.from(concept, (_, unit) => sketch.minimum(unit)),
      maxima: Float64Array.from(concept, (_, unit) => sketch.maximum(unit)),
    },
    merge: mergeHistograms,
  });
}
