/**
 * Where the partial results of finished blocks are kept: in a run's folder, from which an interrupted pass continues and
 * other machines' blocks are merged.
 *
 * Every layer's part of a block is a file of its own (`piece-store.ts`), keyed by everything that it depends
 * on and nothing else: what one command computed serves another that asks for other layers.
 */
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import type { UnitChoice } from "./image-block.ts";
import type { PartialResult } from "./pass.ts";
import { openPieceStore, type PieceStore } from "./piece-store.ts";
import type { JsonRecord, Plan } from "./plan.ts";
import { decodeValue, encodeValue } from "./value-codec.ts";

/** What is there of blocks, by the names of files. */
export interface SeenBlocks {
  /** Whether what all layers share is there. */
  hasShared(block: number): boolean;
  /** A layer's part of a block: as one file, as files of some units each, or not at all. */
  layer(block: number, at: number): "whole" | "some" | "none";
}

/** The partial results of a plan's blocks. */
export interface BlockStore<Shared, Layer> {
  /** Whether all parts of a block are there, whole. @throws {UnitscopeError} `run` if something else made them. */
  has(block: number): boolean;
  /** Looks at the names of files alone, so that damaged ones count as there. */
  seen(): SeenBlocks;
  /**
   * What a block lacks of what is wanted of it: units of each layer; `undefined` if it lacks nothing.
   * @param wanted all units of all layers when absent.
   */
  lacks(block: number, wanted?: readonly UnitChoice[]): readonly UnitChoice[] | undefined;
  /**
   * Keeps a block, or what was computed of it; what is there of it stays.
   * @param only of which units the layers' parts are.
   */
  put(
    block: number,
    result: Pick<PartialResult<Shared, Layer>, "shared" | "layers">,
    only?: readonly UnitChoice[],
  ): void;
  shared(block: number): Shared;
  /** The part of layer `at` of the plan. */
  layer(block: number, at: number): Layer;
  /** The same, or the parts of some of its units each that are there. */
  parts(block: number, at: number): readonly Layer[];
  /** Forgets all blocks. */
  clear(): void;
}

/** What a file holds that is about some units of a layer alone. */
interface SomeUnits<Layer> {
  readonly units: Int32Array;
  readonly part: Layer;
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
  const whole = (store: PieceStore, block: number): unknown => {
    const bytes = store.get(nameOf(block));
    if (!bytes) return undefined;
    const value = decodeValue(bytes);
    if (value !== null && value !== undefined) return value;
    throw new UnitscopeError("run", `${store.path}: block ${block}: expected a partial result, got none in its file`);
  };
  const isThere = (store: PieceStore, block: number): boolean => store.get(nameOf(block)) !== undefined;
  /** Parts of a block that are about some units of a layer. */
  const some = (at: number, block: number): SomeUnits<Layer>[] => {
    const store = layers[at];
    const names = store.names().filter((name) => name.startsWith(`${nameOf(block)}-`));
    return names.flatMap((name) => {
      const bytes = store.get(name);
      return bytes ? [decodeValue(bytes) as SomeUnits<Layer>] : [];
    });
  };
  /** Units of a layer that are wanted and not there; none of them if that is an empty list. */
  const lacking = (at: number, block: number, wanted: UnitChoice): UnitChoice => {
    if (isThere(layers[at], block)) return new Int32Array(0);
    const parts = some(at, block);
    const count = plan.layers[at].units;
    if (wanted === null && (parts.length === 0 || count === undefined)) return null;
    const held = new Set(parts.flatMap(({ units }) => [...units]));
    return (wanted ?? Int32Array.from({ length: count ?? 0 }, (_, unit) => unit)).filter((unit) => !held.has(unit));
  };
  const lacks = (block: number, wanted?: readonly UnitChoice[]): readonly UnitChoice[] | undefined => {
    const absent = layers.map((_, at) => lacking(at, block, wanted?.[at] ?? null));
    return isThere(shared, block) && absent.every((units) => units?.length === 0) ? undefined : absent;
  };
  const write = (store: PieceStore, name: string, value: unknown): void => {
    if (store.get(name) === undefined) store.put(name, encodeValue(value));
  };
  return {
    has: (block) => lacks(block) === undefined,
    seen: () => {
      const [ofShared, ...ofLayers] = all.map((store) => new Set(store.names().map((name) => name.slice(6))));
      const ofUnits = ofLayers.map((names) => new Set([...names].map((name) => /^(\d+)-/.exec(name)?.[1] ?? "")));
      const named = (block: number): string => nameOf(block).slice(6);
      return {
        hasShared: (block) => ofShared.has(named(block)),
        layer: (block, at) =>
          ofLayers[at].has(named(block)) ? "whole" : ofUnits[at].has(named(block)) ? "some" : "none",
      };
    },
    lacks,
    put: (block, result, only) => {
      for (const [at, part] of result.layers.entries()) {
        const units = only?.[at] ?? null;
        if (units === null) write(layers[at], nameOf(block), part);
        else if (units.length > 0) {
          const name = `${nameOf(block)}-${sha256(units.join(",")).slice(0, 8)}`;
          write(layers[at], name, { units, part } satisfies SomeUnits<Layer>);
        }
      }
      write(shared, nameOf(block), result.shared);
    },
    shared: (block) => (whole(shared, block) as Shared | undefined) ?? missing(`${shared.path}: block ${block}`),
    layer: (block, at) =>
      (whole(layers[at], block) as Layer | undefined) ?? missing(`${layers[at].path}: block ${block}`),
    parts: (block, at) => {
      const part = whole(layers[at], block) as Layer | undefined;
      return part === undefined ? some(at, block).map((each) => each.part) : [part];
    },
    clear: () => {
      for (const store of all) store.clear();
    },
  };
}

function missing(what: string): never {
  throw new UnitscopeError("internal", `internal: ${what}: expected a finished part, got none`);
}
