/**
 * Unit sets of one layer: searches what each class depends on in one part of the images, and measures every sequence on
 * the other.
 */
import { checkFraction } from "../ablation/check-sample.ts";
import type { Replacement } from "../ablation/replacement.ts";
import { boundSuffix } from "../ablation/suffix-bound.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import type { AblationMethod } from "../ablation/sweep.ts";
import { withMeasuredTolerance } from "../ablation/tie-tolerance.ts";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import { sha256 } from "../files/hash.ts";
import type { BlockSource } from "../passes/image-block.ts";
import { blockSizeFor, chosenBlocks, splitEvenly } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { type JsonRecord, planKey } from "../passes/plan.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { checkSize, type GreedySequence, type GreedyWork } from "./greedy.ts";
import { type CurveChoice, planCurves, type SetCurve } from "./plan-curves.ts";
import { measureWork, mergeMeasurements, mergeSearched, type SetsSetup, searchWork } from "./sets-passes.ts";
import { type ImageSplit, splitImages } from "./split-images.ts";

/** What to do. */
export interface RunSetsOptions extends CurveChoice {
  readonly engine?: "auto" | "plain";
  /** Fraction of the decided (set, image) pairs to repeat the plain way, in [0, 1]; by default a small sample. */
  readonly verify?: number | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
  /** Who carries out the passes; in memory by default. */
  readonly runner?: PassRunner | undefined;
  /** Told where fast routes are left out, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  /** Called with steps done; searching a class and measuring a block are steps of like length. */
  readonly progress?: ((done: number, total: number, note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Everything that was found out about one layer. */
export interface SetsResult {
  readonly split: ImageSplit;
  readonly curves: readonly SetCurve[];
  /** Measuring images of every class, and those right with nothing removed, `[classCount]`. */
  readonly images: Int32Array;
  readonly baseline: Int32Array;
  /** Choosing images of every class, `[classCount]`. */
  readonly choosingImages: Int32Array;
  readonly work: GreedyWork;
  readonly verified: number;
  readonly timings: { readonly searchMs: number; readonly measureMs: number };
}

/** The layer, and the images. */
export interface SetsSubject {
  readonly images: BlockSource;
  readonly classNames: readonly string[];
  readonly layer: string;
  readonly units: number;
  readonly method: AblationMethod;
  readonly replacement: Replacement;
}

/** Searches and measures. @throws {UnitscopeError} `usage` for sizes and fractions out of range. */
export async function runSets(model: Model, subject: SetsSubject, options: RunSetsOptions): Promise<SetsResult> {
  const { images, units, replacement } = subject;
  const { engine = "auto", seed = 1, provider = "cpu", size, runner = inMemory, progress } = options;
  checkSize(size, units);
  const split = splitImages(images.labels, options.rankSplit, { seed });
  const suffix = planSuffix(model, replacement.tap);
  const { threads } = chooseThreads(model, options);
  const verify = options.verify ?? checkFraction(model, suffix, units * images.imageCount);
  const setup: SetsSetup = {
    model,
    ...replacement,
    bound: engine === "plain" ? undefined : await boundSuffix(model, suffix),
    options: { engine, verify, seed, threads, provider },
  };
  let settled: Promise<Model> | undefined;
  const settle = async (): Promise<SetsSetup> => {
    const { caution, signal } = options;
    settled ??= withMeasuredTolerance(model, images, { layers: [replacement], threads, provider, caution, signal });
    const measured = await settled;
    const isPlain = measured.tieTolerance === Infinity;
    return { ...setup, model: measured, options: { ...setup.options, engine: isPlain ? "plain" : engine } };
  };
  const searched = options.greedy || options.single || options.keep ? options.classes : [];
  const classes = searched.map((cls) => imagesOfClass(subject, split, cls));
  const blocks = splitEvenly(split.measuring, blockSizeFor(model));
  const steps = classes.length + blocks.length;
  const run = async <Own, Layer>(stage: Stage<Own, Layer>): Promise<Layer | undefined> => {
    const { blocks: own, before, note } = stage;
    if (own.length === 0) return undefined;
    const pass = passOf(model, subject, stage, { setup, settle, split: { rankSplit: options.rankSplit, seed } });
    const total = own.reduce((sum, { length }) => sum + length, 0);
    const found = await runner.run(pass, images, {
      workers: chooseThreads(model, { workers: options.workers, provider, tasks: own.length }).workers,
      signal: options.signal,
      progress: progress && ((done) => progress(before + (done / total) * own.length, steps, note)),
    });
    return found.layer(0);
  };

  const began = performance.now();
  const search = await run<{ size: number }, readonly GreedySequence[]>({
    name: "greedy",
    blocks: classes,
    before: 0,
    note: "searching classes",
    key: { classes: [...searched], size: options.greedy ? size : 0 },
    work: searchWork,
    own: { size: options.greedy ? size : 0 },
    merge: mergeSearched,
  });
  const found = searched.flatMap((cls) => search?.filter((sequence) => sequence.cls === cls) ?? []);
  const searchedAt = performance.now();
  const planned = planCurves(found, units, options);
  const sequences = planned.map(({ sequence }) => sequence);
  const measured = await run({
    name: "sequences",
    blocks,
    before: classes.length,
    note: "measuring",
    key: { sequences: sha256(JSON.stringify(sequences)), counts: ["right", "called", "taken"] },
    work: measureWork,
    own: { sequences },
    merge: mergeMeasurements,
  });
  if (!measured) throw new UnitscopeError("data", "images: expected some to measure on, got none");
  return {
    split,
    curves: planned.map((curve, i) => ({
      ...curve,
      right: measured.right[i],
      called: measured.called[i],
      taken: measured.taken[i],
    })),
    images: measured.images,
    baseline: measured.baseline,
    choosingImages: countClasses(split.choosing, images.labels, model.classCount),
    work: addWork(found.map((each) => each.work)),
    verified: measured.verified + found.reduce((sum, each) => sum + each.verified, 0),
    timings: { searchMs: searchedAt - began, measureMs: performance.now() - searchedAt },
  };
}

/** One of the two passes. */
interface Stage<Own, Layer> {
  readonly name: string;
  readonly blocks: readonly Int32Array[];
  /** Steps of the progress that come before it, and what to call its own. */
  readonly before: number;
  readonly note: string;
  /** What its parts depend on beside layer, images and split. */
  readonly key: JsonRecord;
  readonly work: BlockWork<SetsSetup & Own, null, Layer>;
  /** What its workers get beside the rest. */
  readonly own: Own;
  readonly merge: Merge<null, Layer>;
}

function passOf<Own, Layer>(
  model: Model,
  { images, layer, method, replacement: { tap } }: SetsSubject,
  { name, blocks, key, work, own, merge }: Stage<Own, Layer>,
  {
    setup,
    settle,
    split,
  }: {
    setup: SetsSetup;
    settle: () => Promise<SetsSetup>;
    split: { rankSplit: number | null; seed: number };
  },
): Pass<SetsSetup & Own, null, Layer> {
  const { engine, verify, seed } = setup.options;
  const settings: Record<string, Json> = { engine, verify, ...(verify > 0 && { seed }) };
  const ordered = chosenBlocks(split, blocks);
  return {
    ...ordered,
    plan: {
      pass: name,
      key: planKey({ model: model.sha256, ...images.identity }, { ablation: { method }, ...settings }),
      shared: {},
      layers: [{ name: layer, key: { tap, ...key } }],
      ...ordered.plan,
    },
    work,
    setup: { ...setup, ...own },
    settle: async () => ({ ...(await settle()), ...own }),
    merge,
  };
}

function imagesOfClass({ images, classNames }: SetsSubject, { choosing }: ImageSplit, cls: number): Int32Array {
  const own = choosing.filter((image) => images.labels[image] === cls);
  if (own.length > 0) return own;
  throw new UnitscopeError("data", `class "${classNames[cls]}": expected images to choose units by, got none`);
}

function countClasses(images: Int32Array, labels: Int32Array, classCount: number): Int32Array {
  const counts = new Int32Array(classCount);
  for (const image of images) counts[labels[image]]++;
  return counts;
}

function addWork(parts: readonly GreedyWork[]): GreedyWork {
  const total: GreedyWork = { computed: 0, silent: 0, certified: 0, abandoned: 0, reference: 0 };
  for (const part of parts) for (const key of Object.keys(total) as (keyof GreedyWork)[]) total[key] += part[key];
  return total;
}
