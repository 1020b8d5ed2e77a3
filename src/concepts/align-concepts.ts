/**
 * Concept alignment (Network Dissection; Bau, Zhou, Khosla, Oliva, Torralba 2017): which concept the region where a
 * unit responds strongly overlaps best, and how that compares with what random units and shuffled masks reach.
 */
import { setImmediate } from "node:timers/promises";
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { TailSketch } from "../numeric/quantile-sketch.ts";
import { seededRandom } from "../numeric/random.ts";
import { randomDirections } from "../numeric/random-directions.ts";
import { type BestConcepts, bestConcepts } from "./best-concepts.ts";
import { combineResponses } from "./combined-responses.ts";
import { type Concept, type ConceptSet, categoriesOf, categoryIndices } from "./concept-set.ts";
import { intersectionOverUnion, type OverlapCounts } from "./overlap-counts.ts";
import { countOverlaps, type PassOptions, type ResponseField } from "./overlap-pass.ts";
import { type Auroc, measureAuroc } from "./pixel-auroc.ts";
import { type ResponseSource, rememberResponses } from "./response-source.ts";

/** What to measure; every default is the one that `unitscope attributes --concepts` uses. */
export interface AlignmentOptions {
  /** Fraction of a unit's responses that its threshold lets through. */
  readonly fraction?: number;
  /** Receptive-field-centred upsampling; half-pixel when absent. */
  readonly field?: ResponseField | undefined;
  /** Shuffled masks to compare with; 0 for none. Fewer when the set has fewer images. */
  readonly shuffles?: number;
  /** Random units to compare with; 0 for none. */
  readonly randomUnits?: number;
  /** Directions of the random units, row-major `[count, unitCount]`, in place of drawing `randomUnits`. */
  readonly directions?: Float64Array | undefined;
  /** Whether to measure the AUROC of each unit's best concept. */
  readonly auroc?: boolean;
  readonly seed?: number;
  /** Memory for keeping responses between passes; when they do not fit, each pass computes them again. */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((stage: AlignmentStage, done: number, total: number) => void) | undefined;
}

/** The passes over the set, in their order. */
export type AlignmentStage = "thresholds" | "overlaps" | "auroc" | "random thresholds" | "random overlaps";

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
  /** Best IoUs of the same units with shuffled masks, `[shuffles]`; empty when none were asked for. */
  readonly shuffled: readonly BestConcepts[];
  /** Best IoUs of random units; absent when none were asked for. */
  readonly random: BestConcepts | undefined;
}

/**
 * Measures the alignment of a layer's units with a set's concepts.
 *
 * @throws {UnitscopeError} `data` for an empty set or damaged labels, `value` for responses that are not finite,
 * `interrupted`.
 */
export async function alignConcepts(
  set: ConceptSet,
  source: ResponseSource,
  {
    fraction = 0.005,
    field,
    shuffles = 49,
    randomUnits = 256,
    directions,
    auroc = true,
    seed = 0,
    memoryBytes = 512 * 2 ** 20,
    signal,
    progress,
  }: AlignmentOptions = {},
): Promise<ConceptAlignment> {
  if (set.imageCount === 0 || set.concepts.length === 0) {
    throw new UnitscopeError(
      "data",
      `concepts "${set.name}": expected at least one image and one concept, got ${set.imageCount} and ${set.concepts.length}`,
    );
  }
  const options = (stage: AlignmentStage): PassOptions => ({
    field,
    signal,
    progress: progress && ((done) => progress(stage, done, set.imageCount)),
  });
  const responses = rememberResponses(source, set.imageCount, memoryBytes);
  const categoryOf = categoryIndices(set.concepts);
  const best = (counts: OverlapCounts): BestConcepts =>
    bestConcepts(intersectionOverUnion(counts, categoryOf), categoryOf);

  const sketch = await findThresholds(responses, set.imageCount, fraction, options("thresholds"));
  const thresholds = sketch.thresholds();
  const order = Int32Array.from({ length: set.imageCount }, (_, image) => image);
  const shifts = Math.min(shuffles, set.imageCount - 1);
  if (shifts > 0) seededRandom(seed, 0x5f1e).shuffle(order);
  const [counts, ...shifted] = (await countOverlaps(
    set,
    responses,
    thresholds,
    order,
    shifts,
    options("overlaps"),
  )) as [OverlapCounts, ...OverlapCounts[]];
  const iou = intersectionOverUnion(counts, categoryOf);
  const found = bestConcepts(iou, categoryOf);
  const units = Array.from({ length: source.unitCount }, (_, unit) => unit);

  let random: BestConcepts | undefined;
  const drawn = directions ?? (randomUnits > 0 ? randomDirections(source.unitCount, randomUnits, seed) : undefined);
  const areas = auroc
    ? await measureAuroc(
        set,
        responses,
        found.concept,
        {
          minima: Float64Array.from(units, (unit) => sketch.minimum(unit)),
          maxima: Float64Array.from(units, (unit) => sketch.maximum(unit)),
        },
        options("auroc"),
      )
    : undefined;
  if (drawn) {
    const combined = await combineResponses(responses, drawn);
    try {
      const theirs = await findThresholds(combined, set.imageCount, fraction, options("random thresholds"));
      const [overlaps] = await countOverlaps(set, combined, theirs.thresholds(), order, 0, options("random overlaps"));
      random = best(overlaps);
    } finally {
      await combined.close();
    }
  }
  return {
    concepts: set.concepts,
    categories: categoriesOf(set.concepts),
    categoryOf,
    unitCount: source.unitCount,
    imageCount: set.imageCount,
    thresholds,
    thresholdErrors: Float64Array.from(units, (unit) => sketch.relativeError(unit)),
    counts,
    iou,
    best: found,
    auroc: areas,
    shuffled: shifted.map(best),
    random,
  };
}

/** Reads all responses once and finds every unit's threshold. */
async function findThresholds(
  source: ResponseSource,
  imageCount: number,
  fraction: number,
  { signal, progress }: PassOptions,
): Promise<TailSketch> {
  const sketch = new TailSketch(source.unitCount, imageCount * source.height * source.width, { fraction });
  const images = Int32Array.from({ length: imageCount }, (_, image) => image);
  let done = 0;
  for await (const { data } of source.responsesOf(images)) {
    throwIfInterrupted(signal, "concept alignment");
    sketch.add(data);
    done++;
    progress?.(done);
    if (done % 64 === 0) await setImmediate();
  }
  if (done !== imageCount) {
    throw new UnitscopeError("internal", `internal: responses: expected ${imageCount} images, got ${done}`);
  }
  return sketch;
}
