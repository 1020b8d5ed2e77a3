/**
 * Where the partial results of finished blocks are kept: in a run's folder, from which an interrupted pass continues and
 * other machines' blocks are merged.
 *
 * Every layer's part of a block is a file of its own (`piece-store.ts`), keyed by everything that it depends
 * on and nothing else: what one command computed serves another that asks for other layers.
 */
import { UnitscopeError } from "../errors.ts";
import type { PartialResult } from "./pass.ts";
import { openPieceStore, type PieceStore } from "./piece-store.ts";
import type { JsonRecord, Plan } from "./plan.ts";
import { decodeValue, encodeValue } from "./value-codec.ts";

/** The partial results of a plan's blocks. */
export interface BlockStore<Shared, Layer> {
  /** Whether all parts of a block are there, whole. @throws {UnitscopeError} `run` if something else made them. */
  has(block: number): boolean;
  /** Blocks of which every part is there, by their files' names alone: damaged ones may be among them. */
  kept(): ReadonlySet<number>;
  /** Keeps a block; what is there of it stays. */
  put(block: number, result: Pick<PartialResult<Shared, Layer>, "shared" | "layers">): void;
  shared(block: number): Shared;
  /** The part of layer `at` of the plan. */
  layer(block: number, at: number): Layer;
  /** Forgets all blocks. */
  clear(): void;
}

/** Keeps blocks in the folder of a run. */
export function folderStore<Shared, Layer>(path: string, plan: Plan): BlockStore<Shared, Layer> {
  const { pass, key, order, blockSizes } = plan;
  const open = (part: JsonRecord): PieceStore =>
    openPieceStore(path, { pass, ...key, order, blockSize: blockSizes[0] ?? 0, part });
  const shared = open({ shared: plan.shared });
  const layers = plan.layers.map((layer) => open({ layer: layer.name, ...layer.key }));
  const all = [shared, ...layers];
  const nameOf = (block: number): string => `block-${String(block).padStart(6, "0")}`;
  const read = (store: PieceStore, block: number): unknown => {
    const bytes = store.get(nameOf(block));
    return bytes ? decodeValue(bytes) : missing(`${store.path}: block ${block}`);
  };
  return {
    has: (block) => all.every((store) => store.get(nameOf(block)) !== undefined),
    kept: () => {
      const [first, ...others] = all.map((store) => new Set(store.names()));
      const whole = [...first].filter((name) => others.every((names) => names.has(name)));
      return new Set(whole.map((name) => Number(name.slice("block-".length))));
    },
    put: (block, result) => {
      const write = (store: PieceStore, value: unknown): void => {
        if (store.get(nameOf(block)) === undefined) store.put(nameOf(block), encodeValue(value));
      };
      for (const [at, layer] of result.layers.entries()) write(layers[at], layer);
      write(shared, result.shared);
    },
    shared: (block) => read(shared, block) as Shared,
    layer: (block, at) => read(layers[at], block) as Layer,
    clear: () => {
      for (const store of all) store.clear();
    },
  };
}

function missing(what: string): never {
  throw new UnitscopeError("internal", `internal: ${what}: expected a finished part, got none`);
}
