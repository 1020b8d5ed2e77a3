/**
 * Who carries out passes for a command: this process in memory, or in a folder that keeps finished blocks. In a folder
 * it may compute a share of every pass's blocks only, while others that see the same folder compute the rest.
 */
import { UnitscopeError } from "../errors.ts";
import { type BlockStore, folderStore } from "./block-store.ts";
import { type GrownResult, type GrowPassOptions, growPass } from "./grow-pass.ts";
import type { ImageBlock } from "./image-block.ts";
import type { PoolLender } from "./kept-pool.ts";
import { memoryStore } from "./memory-store.ts";
import type { Pass } from "./pass.ts";
import { cut, type Plan } from "./plan.ts";
import { type Portion, portionOf } from "./portion.ts";
import { mergeStored, type PassResult, type RunPassOptions, runPass } from "./run-pass.ts";

/** Carries out passes, one after another. */
export interface PassRunner {
  /** Whether others compute parts of the passes: what a pass found is then read when all of them are done. */
  readonly isShared: boolean;
  /**
   * Carries out a pass.
   * @param options.isKept whether its blocks outlive the command.
   * @returns what is read once all blocks are there. Reading throws {UnitscopeError} `waiting` before that, with
   * `details.absent`, a list of `Absence`.
   */
  run<Setup, Shared, Layer, Beside = never, Block extends ImageBlock = ImageBlock>(
    pass: Pass<Setup, Shared, Layer, Beside, Block>,
    source: { read(images: Int32Array): Promise<Block> },
    options: Omit<RunPassOptions<Shared, Layer, Beside>, "store"> & { isKept?: boolean },
  ): Promise<PassResult<Shared, Layer>>;
  /** Carries out a pass as long as it is steered on. */
  grow<Setup, Shared, Layer, Beside = never, Block extends ImageBlock = ImageBlock>(
    pass: Pass<Setup, Shared, Layer, Beside, Block>,
    source: { read(images: Int32Array): Promise<Block> },
    options: GrowPassOptions<Shared, Layer, Beside>,
  ): Promise<GrownResult<Shared, Layer>>;
}

/** What of a pass is not there yet. */
export interface Absence {
  readonly plan: Plan;
  readonly blocks: readonly AbsentBlock[];
}

/** A block that is not whole. */
export interface AbsentBlock {
  readonly block: number;
  /** Layers of the plan, by their places, whose parts are not there. None where only what they share is missing. */
  readonly layers: readonly number[];
}

/** Keeps nothing. */
export const inMemory: PassRunner = {
  isShared: false,
  run: runPass,
  grow: (pass, source, options) => growPass(pass, source, { ...options, store: memoryStore(pass.plan.layers.length) }),
};

/** Which blocks of every pass are computed here: a shard's, or none. */
export type Share = { readonly index: number; readonly count: number } | "none";

/** Keeps finished blocks in a folder. */
export interface PassFolder extends PassRunner {
  /** Forgets the blocks of the passes that were carried out, once what they were for is written. */
  forget(): void;
}

/** What part is done in a folder, and who watches. */
export interface PassFolderOptions {
  /** Everything that is missing when absent. */
  readonly share?: Share | undefined;
  /** Where worker threads come from; they are new ones for every pass by default. */
  readonly pools?: PoolLender | undefined;
  /** Called with the plan of every pass before it is carried out. */
  readonly planned?: ((plan: Plan) => void) | undefined;
  /** Called with how many of the share's images are done in a pass. */
  readonly progress?: ((plan: Plan, done: number, total: number) => void) | undefined;
}

/** Opens the folder of a run for passes. */
export function openPassFolder(path: string, { share, pools, planned, progress }: PassFolderOptions = {}): PassFolder {
  const stores: Pick<BlockStore<unknown, unknown>, "clear">[] = [];
  return {
    isShared: share !== undefined,
    run: async <Setup, Shared, Layer, Beside, Block extends ImageBlock>(
      pass: Pass<Setup, Shared, Layer, Beside, Block>,
      source: { read(images: Int32Array): Promise<Block> },
      {
        isKept = false,
        ...options
      }: Parameters<typeof runPass<Setup, Shared, Layer, Beside, Block>>[2] & {
        isKept?: boolean;
      },
    ) => {
      const store = folderStore<Shared, Layer>(path, pass.plan);
      if (!isKept) stores.push(store);
      planned?.(pass.plan);
      if (share === undefined) return await runPass(pass, source, { pools, ...options, store });
      const { plan, ...portion } = shareOf(pass.plan, share);
      let total = 0;
      for (let block = plan.from; block < plan.to; block++) total += portion.imagesOf(block);
      const watched = { progress: (done: number) => progress?.(pass.plan, done, Math.round(total)) };
      const { computed, timings } = await runPass({ ...pass, plan }, source, {
        ...{ pools, ...options, ...watched },
        ...{ store, portion },
      });
      return { ...whenWhole(pass, store), computed, timings };
    },
    grow: async <Setup, Shared, Layer, Beside, Block extends ImageBlock>(
      pass: Pass<Setup, Shared, Layer, Beside, Block>,
      source: { read(images: Int32Array): Promise<Block> },
      options: GrowPassOptions<Shared, Layer, Beside>,
    ) => {
      const store = folderStore<Shared, Layer>(path, pass.plan);
      stores.push(store);
      planned?.(pass.plan);
      return await growPass(pass, source, { ...options, store });
    },
    forget: () => {
      for (const store of stores.splice(0)) store.clear();
    },
  };
}

/** The part of a plan that a share is. */
function shareOf(plan: Plan, share: Share): Portion {
  if (share !== "none") return portionOf(plan, share);
  return { ...portionOf(plan, { index: 0, count: 1 }), plan: cut(plan, { from: plan.from, to: plan.from }) };
}

/**
 * Blocks of a plan that a folder does not hold whole, and what they lack.
 * @param isThorough also those that are damaged, if none lacks a file.
 */
export function absentBlocks(
  { from, to, layers }: Plan,
  store: Pick<BlockStore<unknown, unknown>, "lacks" | "seen">,
  { isThorough }: { isThorough: boolean },
): AbsentBlock[] {
  const seen = store.seen();
  const blocks = Array.from({ length: to - from }, (_, at) => from + at);
  const byNames = (block: number): AbsentBlock[] => {
    const states = layers.map((_, at) => seen.layer(block, at));
    if (states.includes("some")) return byContent(block);
    const lacking = states.flatMap((state, at) => (state === "none" ? [at] : []));
    return lacking.length === 0 && seen.hasShared(block) ? [] : [{ block, layers: lacking }];
  };
  const byContent = (block: number): AbsentBlock[] => {
    const lacking = store.lacks(block);
    return lacking ? [{ block, layers: lacking.flatMap((units, at) => (units?.length === 0 ? [] : [at])) }] : [];
  };
  const absent = blocks.flatMap(byNames);
  return absent.length > 0 || !isThorough ? absent : blocks.flatMap(byContent);
}

/** Merges what a store holds, once it holds all. */
function whenWhole<Shared, Layer>(
  pass: Pick<Pass<unknown, Shared, Layer>, "plan" | "merge">,
  store: BlockStore<Shared, Layer>,
): Omit<PassResult<Shared, Layer>, "computed" | "timings"> {
  const { plan } = pass;
  const merged = mergeStored(pass, store);
  let isWhole = false;
  const requireWhole = (): void => {
    const blocks = isWhole ? [] : absentBlocks(plan, store, { isThorough: true });
    isWhole = blocks.length === 0;
    if (isWhole) return;
    const count = plan.to - plan.from;
    throw new UnitscopeError("waiting", `${plan.pass}: expected all of ${count} blocks, got ${count - blocks.length}`, {
      details: { absent: [{ plan, blocks }] satisfies Absence[] },
    });
  };
  return {
    requireWhole,
    shared: () => {
      requireWhole();
      return merged.shared();
    },
    layer: (at) => {
      requireWhole();
      return merged.layer(at);
    },
  };
}

/**
 * Does some work for every item, each with passes of its own. Where one waits for blocks that others compute, the next
 * items' passes are carried out first; then it says all that is absent.
 *
 * @throws {UnitscopeError} `waiting`, with `details.absent`, a list of `Absence`.
 */
export async function forEachItem<Item, Found>(
  items: readonly Item[],
  work: (item: Item) => Promise<Found>,
): Promise<Found[]> {
  const found: Found[] = [];
  const absent: Absence[] = [];
  let waiting: UnitscopeError | undefined;
  for (const item of items) {
    try {
      found.push(await work(item));
    } catch (error) {
      if (!(error instanceof UnitscopeError) || error.code !== "waiting") throw error;
      waiting ??= error;
      absent.push(...absencesOf(error));
    }
  }
  if (waiting) throw new UnitscopeError("waiting", waiting.message, { details: { absent } });
  return found;
}

/** What a `waiting` error says is absent. */
export function absencesOf({ details }: UnitscopeError): readonly Absence[] {
  return details.absent as readonly Absence[];
}
