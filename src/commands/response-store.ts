/**
 * What was observed of a run's responses, kept in the run block by block: the sweep or `unitscope attributes` puts the
 * blocks there, whatever needs them reads them, and an interrupted pass continues after the last whole block. Each
 * layer's blocks are keyed by everything that made them, its tap included.
 */
import { deserialize, serialize } from "node:v8";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import { openPieceStore, type PieceStore } from "../passes/piece-store.ts";
import {
  defaultTailFraction,
  defaultTopImages,
  mergeObserved,
  type Observed,
  type ObservedLayer,
} from "../responses/observed.ts";
import { type ObserverOptions } from "../responses/observer.ts";

/** Changes whenever what is stored changes its meaning. */
const formatVersion = 1;

/** What the observations depend on. */
export interface ResponseStoreKey {
  readonly model: { readonly sha256: string };
  readonly data: { readonly hash: string; readonly images: number };
  readonly preprocessing: Readonly<Record<string, Json>>;
  readonly classCount: number;
  readonly logits: string;
  readonly layers: readonly (ObserverOptions["layers"][number] & { readonly tap: string })[];
  readonly topImages?: number;
  readonly tailFraction?: number;
}

/** Which pooling of the responses over positions. */
export type Pooling = "mean" | "max";

/** The observations of a run. */
export interface ResponseStore {
  /** Images that are there, counted from the first without a gap. */
  coverage(): number;
  /** Stores a block that starts where the others end. */
  put(observed: Observed): void;
  /** Everything that does not grow with the number of images, over all of them. */
  summary(): Observed;
  /** Probabilities of all images, float32, row-major `[imageCount, classCount]`. */
  probabilities(): Float32Array;
  /** Pooled responses of units `from` to `to - 1` of layer `at`, float64, row-major `[to - from, imageCount]`. */
  pooled(at: number, pooling: Pooling, from: number, to: number): Float64Array;
}

/** One layer's part of a block, or the probabilities, as stored. */
interface Piece<T> {
  readonly start: number;
  readonly count: number;
  readonly tailKeep: number;
  readonly content: T;
}

/** Opens the observations in a run folder; `path` is the folder's. */
export function openResponseStore(path: string, key: ResponseStoreKey): ResponseStore {
  const { layers, data, topImages = defaultTopImages, tailFraction = defaultTailFraction } = key;
  const shared = {
    formatVersion,
    model: { sha256: key.model.sha256 },
    data: { hash: data.hash, images: data.images },
    preprocessing: key.preprocessing,
    topImages,
    tailFraction,
  };
  const layerStores = layers.map(({ name, tap, units, height, width }) =>
    openPieceStore(path, { ...shared, kind: "responses", layer: name, tap, units, height, width }),
  );
  const probabilityStore = openPieceStore(path, { ...shared, kind: "probabilities", tap: key.logits });

  const blocks = (): Block[] => {
    const stores = [probabilityStore, ...layerStores];
    const [first, ...rest] = stores.map((store) => new Set(store.names()));
    const names = [...first].filter((name) => rest.every((others) => others.has(name)));
    const found = names.map(parseName).sort((a, b) => a.start - b.start || b.count - a.count);
    const chain: Block[] = [];
    let end = 0;
    for (const block of found) {
      if (block.start !== end) continue;
      if (stores.some((store) => store.get(block.name) === undefined)) break; // damaged: observe it again
      chain.push(block);
      end += block.count;
    }
    return chain;
  };
  let known: Block[] | undefined;
  const chain = (): Block[] => {
    known ??= blocks();
    return known;
  };
  const whole = (): Block[] => {
    const covered = coverageOf(chain());
    if (covered === data.images) return chain();
    throw new UnitscopeError(
      "internal",
      `internal: observations: expected all ${data.images} images, got the first ${covered}`,
    );
  };

  return {
    coverage: () => coverageOf(chain()),
    put: (observed) => {
      const { start, count } = observed;
      const name = `block-${start}-${count}`;
      const write = (store: PieceStore, content: unknown, tailKeep: number): void =>
        store.put(name, serialize({ start, count, tailKeep, content } satisfies Piece<unknown>));
      observed.layers.forEach((layer, at) => {
        write(layerStores[at], layer, observed.tailKeeps[at]);
      });
      write(probabilityStore, observed.probabilities, 0);
      known = undefined;
    },
    summary: () => {
      const parts = layerStores.map((store) =>
        whole()
          .map((block) => summaryOf(readPiece<ObservedLayer>(store, block)))
          .reduce(mergeObserved),
      );
      const [first] = parts;
      if (!first) throw new UnitscopeError("layer", "observations: expected at least one layer, got none");
      return {
        ...first,
        tailKeeps: parts.map((part) => part.tailKeeps[0]),
        layers: parts.map((part) => part.layers[0]),
      };
    },
    probabilities: () => {
      const all = new Float32Array(data.images * key.classCount);
      for (const block of whole()) {
        all.set(readPiece<Float32Array>(probabilityStore, block).content, block.start * key.classCount);
      }
      return all;
    },
    pooled: (at, pooling, from, to) => {
      const { units } = layers[at];
      const pooled = new Float64Array((to - from) * data.images);
      for (const block of whole()) {
        const { content } = readPiece<ObservedLayer>(layerStores[at], block);
        const values = pooling === "mean" ? content.pooledMean : content.pooledMax;
        for (let unit = from; unit < to; unit++) {
          const row = (unit - from) * data.images + block.start;
          for (let image = 0; image < block.count; image++) pooled[row + image] = values[image * units + unit];
        }
      }
      return pooled;
    },
  };
}

interface Block {
  readonly name: string;
  readonly start: number;
  readonly count: number;
}

function parseName(name: string): Block {
  const [, start, count] = /^block-(\d+)-(\d+)$/.exec(name) ?? [];
  return { name, start: Number(start), count: Number(count) };
}

function coverageOf(chain: readonly Block[]): number {
  const last = chain.at(-1);
  return last ? last.start + last.count : 0;
}

function readPiece<T>(store: PieceStore, { name }: Block): Piece<T> {
  const bytes = store.get(name);
  if (bytes) return deserialize(bytes) as Piece<T>;
  throw new UnitscopeError("run", `${store.path}: expected a whole piece "${name}", got a damaged one; remove it`);
}

function summaryOf({ start, count, tailKeep, content }: Piece<ObservedLayer>): Observed {
  const layer = { ...content, pooledMean: new Float64Array(0), pooledMax: new Float32Array(0) };
  return { start, count, tailKeeps: [tailKeep], layers: [layer], probabilities: new Float32Array(0) };
}
