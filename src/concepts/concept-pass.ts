/**
 * Concept alignment as passes over blocks of a concept set: the sketches that thresholds come from, the overlaps, and the
 * histograms behind the AUROC. Each block's responses are computed where it is counted, one image at a time, so that
 * nothing depends on the order; random units are combined from them on the spot.
 */
import { UnitscopeError } from "../errors.ts";
import { TailSketch } from "../numeric/quantile-sketch.ts";
import type { SketchState } from "../numeric/sketch-state.ts";
import { type ImageBlock, partOfBlock } from "../passes/image-block.ts";
import type { BlockWork, Merge } from "../passes/pass.ts";
import { floatValue, openSession, type Provider } from "../runtime/session.ts";
import { type CombinedResponses, combineResponses } from "./combined-responses.ts";
import type { LabelMaps } from "./concept-set.ts";
import { hasResponses, type KeptResponses, keepResponses, responsesTo } from "./kept-responses.ts";
import {
  type MeasuredLabels,
  measured,
  overlapCounter,
  type ResponseField,
  type ResponseShape,
} from "./overlap-counter.ts";
import { type SparseCounts, sparseCounts, sumCounts } from "./overlap-counts.ts";
import { type AurocCounter, aurocCounter } from "./pixel-auroc.ts";

/** Images of a concept set with their labels. Pixels are zeros where the layer's responses to the image are kept. */
export interface ConceptBlock extends ImageBlock {
  /** Label maps that the images meet, the farthest before in the order first: one for the block's first image on. */
  readonly maps: readonly LabelMaps[];
}

/** The layer whose units are aligned, and the network up to it. */
export interface ConceptSetup extends ResponseShape {
  /** Bytes of the model, cut to the tap; in shared memory. */
  readonly graph: Uint8Array;
  readonly input: string;
  readonly tap: string;
  readonly layer: string;
  readonly threads: number;
  readonly provider: Provider;
  readonly field: ResponseField | undefined;
  /** Category of every concept. */
  readonly categoryOf: Int32Array;
  readonly categoryCount: number;
  /** Where responses are kept for the next pass. */
  readonly kept?: KeptResponses | undefined;
  /** Random units as directions, row-major `[count, unitCount]`. */
  readonly directions: Float64Array | undefined;
}

/** Sketches of the units' responses, then of the random units'. */
export interface ThresholdSetup extends ConceptSetup {
  readonly fraction: number;
  readonly imageCount: number;
}

/** Overlaps of the units with several labels for every image, then of the random units with the nearest of them. */
export interface OverlapSetup extends ConceptSetup {
  /** Only these units, rising; all when absent. */
  readonly units?: Int32Array | undefined;
  /** Of those units. */
  readonly thresholds: Float64Array;
  readonly randomThresholds?: Float64Array | undefined;
  /** Label maps that an image meets beside the nearest. */
  readonly shuffles: number;
}

/** Histograms of the units with one concept each, or none (-1). */
export interface AurocSetup extends ConceptSetup {
  readonly concepts: Int32Array;
  readonly minima: Float64Array;
  readonly maxima: Float64Array;
}

type ConceptWork<Setup, Layer> = BlockWork<Setup, null, Layer, never, ConceptBlock>;

/**
 * Sketches responses. A worker leaves out what cannot matter after the blocks that it has seen before, so a block's sketch
 * is right once all blocks are merged.
 */
export const thresholdWork: ConceptWork<ThresholdSetup, SketchState> = {
  module: import.meta.url,
  name: "thresholdWork",
  open: async (setup) => {
    const responder = await openResponder(setup);
    const { fraction, imageCount, height, width } = setup;
    const sketchOf = (units: number): TailSketch => new TailSketch(units, imageCount * height * width, { fraction });
    const seen = [setup.unitCount, ...(responder.random ? [responder.random.unitCount] : [])].map(sketchOf);
    return async (block, report) => {
      const [own, random] = seen.map((before) => {
        const sketch = sketchOf(before.unitCount);
        sketch.skipBelow(before.floors());
        return sketch;
      }) as [TailSketch, TailSketch?];
      for (let row = 0; row < block.count; row++) {
        const data = await responder.respond(block, row);
        own.add(data);
        random?.add((await responder.random?.combine(data)) as Float32Array);
        report(row / block.count);
      }
      const sketches = [own, ...(random ? [random] : [])];
      for (const [at, sketch] of sketches.entries()) seen[at].merge(sketch);
      return { shared: null, layers: sketches.map((sketch) => sketch.state()) };
    };
  },
};

/** Joins sketches of disjoint images. */
export const mergeSketches: Merge<null, SketchState> = {
  shared: () => null,
  layer: ([first, ...others]) => {
    const sketch = TailSketch.from(first);
    for (const other of others) sketch.merge(TailSketch.from(other));
    return sketch.state();
  },
};

/** Counts overlaps. */
export const overlapWork: ConceptWork<OverlapSetup, readonly SparseCounts[]> = {
  module: import.meta.url,
  name: "overlapWork",
  open: async (setup) => {
    const responder = await openResponder(setup);
    const { categoryOf, categoryCount, field, units, thresholds, randomThresholds, shuffles } = setup;
    const positions = setup.height * setup.width;
    const chosen = (data: Float32Array): Float32Array => {
      if (!units) return data;
      const some = new Float32Array(units.length * positions);
      units.forEach((unit, at) => some.set(data.subarray(unit * positions, (unit + 1) * positions), at * positions));
      return some;
    };
    const sizes = { conceptCount: categoryOf.length, categoryCount, field };
    return async (block, report) => {
      const own = overlapCounter({ ...setup, unitCount: thresholds.length }, thresholds, { ...sizes, shuffles });
      const random =
        responder.random && randomThresholds
          ? overlapCounter({ ...setup, unitCount: responder.random.unitCount }, randomThresholds, {
              ...sizes,
              shuffles: 0,
            })
          : undefined;
      const labels = block.maps.map((maps) => measured(maps, categoryOf));
      for (let row = 0; row < block.count; row++) {
        const data = await responder.respond(block, row);
        const recent = labels.slice(row, row + shuffles + 1).reverse();
        own.add(chosen(data), recent);
        if (random) random.add((await responder.random?.combine(data)) as Float32Array, recent.slice(0, 1));
        report(row / block.count);
      }
      const layers = [own, ...(random ? [random] : [])].map(({ counts }) => counts.map(sparseCounts));
      return { shared: null, layers };
    };
  },
  buffers: ({ layers }) => layers.flat().map(({ values }) => values.buffer as ArrayBuffer),
};

/** Adds counts of disjoint images. */
export const mergeOverlaps: Merge<null, readonly SparseCounts[]> = {
  shared: () => null,
  layer: (parts) => parts[0].map((_, at) => sparseCounts(sumCounts(parts.map((part) => part[at])))),
};

/** Counts values by bins. */
export const aurocWork: ConceptWork<AurocSetup, AurocCounter["histograms"]> = {
  module: import.meta.url,
  name: "aurocWork",
  open: async (setup) => {
    const responder = await openResponder({ ...setup, directions: undefined });
    return async (block, report) => {
      const counter = aurocCounter(setup, setup.concepts, setup);
      for (let row = 0; row < block.count; row++) {
        const labels: MeasuredLabels = measured(block.maps[row], setup.categoryOf);
        counter.add(await responder.respond(block, row), labels);
        report(row / block.count);
      }
      return { shared: null, layers: [counter.histograms] };
    };
  },
};

/** Adds histograms of disjoint images. */
export const mergeHistograms: Merge<null, AurocCounter["histograms"]> = {
  shared: () => null,
  layer: ([first, ...others]) =>
    first.map((own, unit) => {
      const total = own?.slice() ?? null;
      for (const other of others) {
        other[unit]?.forEach((count, bin) => {
          if (total) total[bin] += count;
        });
      }
      return total;
    }),
};

/** The network up to the tap, and the random units. */
interface Responder {
  /** Responses to one image of a block, `[unitCount, height, width]`. */
  respond(block: ImageBlock, row: number): Promise<Float32Array>;
  readonly random: CombinedResponses | undefined;
}

async function openResponder(setup: ConceptSetup): Promise<Responder> {
  const { graph, input, tap, layer, threads, provider, directions, kept, unitCount, height, width } = setup;
  const session = await openSession(graph.slice(), { threads, provider, place: `layer "${layer}"` });
  return {
    random: directions && (await combineResponses(setup, directions)),
    respond: async (block, row) => {
      const image = block.images[row];
      if (kept && hasResponses(kept, image)) return responsesTo(kept, image);
      const { imageDims, data } = partOfBlock(block, row, row + 1);
      const { [tap]: value } = await session.run({ [input]: floatValue([1, ...imageDims], data) }, [tap]);
      if (!(value?.data instanceof Float32Array)) {
        throw new UnitscopeError("model", `tensor "${tap}": expected float32, got ${value?.type ?? "nothing"}`);
      }
      if (value.data.length !== unitCount * height * width) {
        throw new UnitscopeError(
          "model",
          `layer "${layer}": expected ${unitCount}×${height}×${width} responses to an image of ${imageDims.join("×")}, got ${value.data.length}`,
        );
      }
      if (kept) keepResponses(kept, image, value.data);
      return value.data;
    },
  };
}
