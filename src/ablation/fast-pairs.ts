/**
 * Removals of different units in one run: a kernel writes the frontiers' rows of every (unit, image) pair, and what is left
 * of the network takes them together.
 */
import { elementCount } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Session } from "../runtime/session.ts";
import { layerTables, openFrontierRows } from "./frontier-rows.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import { baseFeeds, type Feeds, onlyInputs, pairMasks } from "./suffix-feeds.ts";
import { buildSuffix, ROWS_INPUT } from "./suffix-graph.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** Removals of any units from any rows of a block. */
export interface FastPairs {
  /** Pairs of one run. */
  readonly pack: number;
  /** Whether pairs are best given image by image, so that what belongs to an image stays in the cache; else unit by unit. */
  readonly byImage: boolean;
  /** Logits `[pairs, classCount]` of rows of the block, each with a unit of its own removed. */
  remove(block: PreparedBlock, units: Int32Array, rows: Int32Array): Promise<Float32Array>;
}

/** Floats of the widest tensor of a suffix that one run may hold; a pack of pairs is cut to fit. */
const PACK_FLOATS = 1 << 19;
/** Pairs of a run. */
const MOST_PAIRS = 1024;

/**
 * Opens the removals of a plan; undefined where the kernel does not know a frontier, or would need too much memory.
 * @param options.fixed tensors that do not depend on the image. @param options.open opens a session that the route closes.
 */
export function openFastPairs(
  { graph, shapes, rows: rowKinds, logits, classCount }: Model,
  plan: SuffixPlan,
  ports: LayerPorts,
  {
    fixed,
    open,
  }: {
    fixed: ReadonlyMap<string, BlockTensor>;
    open: (suffix: ReturnType<typeof buildSuffix>) => Promise<Session>;
  },
): FastPairs | undefined {
  const tables = layerTables(plan, { graph, shapes, logits });
  if (!tables) return undefined;
  const suffix = buildSuffix(graph, plan, ports, { shapes, rows: rowKinds, removes: "pairs", tables });
  const made = [...tables.map(({ output }) => output), ...suffix.nodes.flatMap((node) => node.outputs)];
  const pack = packSize(made, shapes, MOST_PAIRS);
  const written = openFrontierRows(plan, tables, { ports, graph, pack });
  if (!written) return undefined;
  let session: Promise<Session> | undefined;
  /** Rows are written where the last were, so one call waits for another. */
  let turn: Promise<unknown> = Promise.resolve();
  const run = async (block: PreparedBlock, units: Int32Array, rows: Int32Array): Promise<Float32Array> => {
    const opened = await (session ??= open(suffix));
    const all = new Float32Array(rows.length * classCount);
    const same = onlyInputs(baseFeeds(ports, block, fixed), opened);
    written.begin(block);
    for (let start = 0; start < rows.length; start += pack) {
      const some = rows.subarray(start, start + pack);
      const own = units.subarray(start, start + pack);
      written.write(own, some);
      const feeds: Feeds = {
        ...written.feeds(some.length),
        ...pairMasks(plan, own),
        [ROWS_INPUT]: { type: "int32", dims: [some.length], data: some },
      };
      const results = await opened.run({ ...same, ...onlyInputs(feeds, opened) });
      const found = results[opened.outputNames[0]].data as Float32Array;
      all.set(found.subarray(0, some.length * classCount), start * classCount);
    }
    return all;
  };
  return {
    pack,
    byImage: written.byImage,
    remove: async (block, units, rows) => {
      const before = turn;
      const own = (async (): Promise<Float32Array> => {
        await before.catch(() => undefined);
        return await run(block, units, rows);
      })();
      turn = own;
      return await own;
    },
  };
}

/** Pairs per run, so that the widest of some tensors stays in the cache. */
export function packSize(tensors: readonly string[], shapes: ReadonlyMap<string, Shape>, most: number): number {
  const sizes = tensors.map((name) => {
    const dims = (shapes.get(name) ?? []).slice(1);
    return dims.every((dim) => typeof dim === "number") ? elementCount(dims) : 1;
  });
  return Math.max(8, Math.min(most, Math.floor(PACK_FLOATS / Math.max(1, ...sizes))));
}
