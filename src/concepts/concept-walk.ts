/** Walks over a concept set: the pass of one stage, and the blocks of images with the labels that they meet. */
import { forEachImage } from "../data/for-each-image.ts";
import { sha256 } from "../files/hash.ts";
import { chosenBlocks, splitEvenly } from "../passes/image-order.ts";
import type { BlockWork, Merge, Pass } from "../passes/pass.ts";
import type { PassRunner } from "../passes/pass-runner.ts";
import { type JsonRecord, planKey } from "../passes/plan.ts";
import type { PassResult } from "../passes/run-pass.ts";
import type { ConceptLayer } from "./concept-layer.ts";
import type { ConceptBlock } from "./concept-pass.ts";
import type { ConceptSet, LabelMaps } from "./concept-set.ts";
import { hasResponses, type KeptResponses } from "./kept-responses.ts";

/** The passes over the set, in their order. */
export type AlignmentStage = "thresholds" | "overlaps" | "auroc" | "shuffles";

/** Labels that responses meet: of the images that stand `from` to `to` places before; 0 is an image's own. */
export interface Lags {
  readonly from: number;
  readonly to: number;
}

/** One walk over the set. */
export interface Walk<Setup, Layer> {
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

/** Walks over a set with one layer's network. */
export type Walker = <Setup, Layer>(
  stage: AlignmentStage,
  walk: Walk<Setup, Layer>,
) => Promise<PassResult<null, Layer>>;

/**
 * The walker of a set and a layer.
 * @param options.kept responses that need no pixels any more.
 * @param options.progress told how many images of a stage are done.
 */
export function conceptWalker(
  set: ConceptSet,
  layer: ConceptLayer,
  {
    runner,
    kept,
    signal,
    progress,
  }: {
    runner: PassRunner;
    kept?: KeptResponses | undefined;
    signal: AbortSignal | undefined;
    progress: ((stage: AlignmentStage, done: number, total: number) => void) | undefined;
  },
): Walker {
  const { imageCount } = set;
  const listed = Int32Array.from({ length: imageCount }, (_, image) => image);
  return async (stage, { order = listed, lags = { from: 0, to: 0 }, ...rest }) =>
    await runner.run(
      passOf(set, layer, stage, { order, ...rest }),
      blocksOf(set, layer, { order, lags, stage, kept, signal }),
      { workers: layer.choice.workers, signal, progress: progress && ((done) => progress(stage, done, imageCount)) },
    );
}

/** The hash of some numbers, as keys name them. */
export function digestOf(values: Float64Array | Int32Array): string {
  return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
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

/** Reads blocks of the set: pixels, and the labels that the stage needs. */
function blocksOf(
  set: ConceptSet,
  { imageDims, writeImage }: ConceptLayer,
  {
    order,
    lags,
    stage,
    kept,
    signal,
  }: {
    order: Int32Array;
    lags: Lags;
    stage: AlignmentStage;
    kept: KeptResponses | undefined;
    signal: AbortSignal | undefined;
  },
): { read(images: Int32Array): Promise<ConceptBlock> } {
  const place = new Map(Array.from(order, (image, at) => [image, at]));
  const size = imageDims.reduce((a, b) => a * b, 1);
  const each = (count: number, work: (at: number) => Promise<void>): Promise<void> =>
    forEachImage(count, { signal, place: `concepts "${set.name}"` }, work);
  return {
    read: async (images) => {
      const count = images.length;
      const data = new Float32Array(count * size);
      await each(count, async (row) => {
        if (kept && hasResponses(kept, images[row])) return;
        await writeImage(images[row], data.subarray(row * size, (row + 1) * size));
      });
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
