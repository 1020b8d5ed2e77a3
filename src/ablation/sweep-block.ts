/**
 * The sweep of one block of images: every unit of every requested layer removed in turn, by the plain route or by the
 * fast ones, to the predictions that flip.
 */

import { UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { type Baseline, settleBaseline } from "./baseline.ts";
import { certificates } from "./certificates.ts";
import { collectDraws, type DrawChanges, joinDraws, openDonors } from "./draws.ts";
import { type FastRoute, openFastRoute } from "./fast-route.ts";
import type { FedResponses } from "./fed-responses.ts";
import { collectFlips, type LayerBlock } from "./flip-collector.ts";
import type { SwitchedTensor } from "./plain-graph.ts";
import { openPlainRoute, openReference, type PlainRoute } from "./plain-route.ts";
import type { PlannedLayer } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { Routes } from "./routes.ts";
import type { SuffixBound } from "./suffix-bound.ts";
import { sweepFast } from "./sweep-fast.ts";
import { referenceLogits, sweepPlain, sweepReference } from "./sweep-plain.ts";
import { checkPairs, chosenRows } from "./verify.ts";

export { allRoutes, type Routes } from "./routes.ts";

/** How a sweep is carried out. */
export interface SweepOptions {
  /** `plain`: the whole network for every unit; `auto`: every fast route. */
  readonly engine: "auto" | "plain";
  readonly routes: Routes;
  /** Responses of that many other images take the place of a unit's own, instead of constants; 0 for constants. */
  readonly draws?: number | undefined;
  /** Sum the continuous companions of the drop too; certified skips are then off. */
  readonly continuous: boolean;
  /** Fraction of the (unit, image) pairs that is repeated the plain way, in [0, 1]; of all layers, or of each. */
  readonly verify: number | readonly number[];
  readonly seed: number;
  /** ONNX Runtime's threads inside an operator. */
  readonly threads: number;
  readonly provider: Provider;
}

/** One layer of a swept block. */
export interface SweptLayer extends LayerBlock {
  /** Pairs that were repeated the plain way, and came out the same. */
  readonly verified: number;
}

/** A swept block. */
export interface SweptBlock {
  /** Baseline prediction and top-2 margin of every image. */
  readonly predictions: Int32Array;
  readonly margins: Float32Array;
  readonly layers: readonly SweptLayer[];
}

/** An opened sweep: sessions for the requested layers. */
export interface BlockSweep {
  /** Runs the prefix (for the first draw); `sweep` does it itself when it is given no prepared block. */
  prepare(block: ImageBlock): Promise<PreparedBlock>;
  /** @param report called now and then with the fraction that is done. */
  sweep(block: ImageBlock, prepared?: PreparedBlock, report?: (done: number) => void): Promise<SweptBlock>;
  close(): Promise<void>;
}

/**
 * Opens what sweeping blocks needs.
 * @param options.switched the taps of all the model's layers, for the reference.
 * @param options.bounds one per layer, from `boundSuffix`; a layer without one has no certified skips.
 * @param options.observed taps whose responses the prepared blocks hold too.
 */
export async function openBlockSweep(
  model: Model,
  planned: readonly PlannedLayer[],
  {
    switched,
    bounds = [],
    options,
    observed = [],
  }: {
    switched: readonly SwitchedTensor[];
    bounds?: readonly (SuffixBound | undefined)[];
    options: SweepOptions;
    observed?: readonly string[];
  },
): Promise<BlockSweep> {
  const { threads, provider, draws = 0 } = options;
  const { classCount, tieTolerance } = model;
  // Where every prediction is the reference's, no other route has anything to add.
  const isExact = tieTolerance === Infinity;
  const tolerance = isExact ? 0 : tieTolerance;
  const floor = isExact ? 0 : model.logitFloor;
  const isPlain = options.engine === "plain" || isExact;
  const isFed = planned.some((layer) => layer.isFed);
  const isCertified = !isPlain && !options.continuous && options.routes.certified;
  const reference = openReference(model, switched, { isFed });
  const fast: FastRoute = await openFastRoute(model, isPlain ? [] : planned, {
    ...{ threads, provider, observed },
    norms: isCertified,
  });
  const plains = new Map<number, Promise<PlainRoute>>();
  const plainRoute = (layer: number, tap: string): Promise<PlainRoute> => {
    const known = plains.get(layer);
    if (known) return known;
    const tensor = switched.find((each) => each.tap === tap);
    if (!tensor) throw new UnitscopeError("internal", `internal: tap "${tap}": expected among the switched tensors`);
    const opened = openPlainRoute(model, tensor, { reference, threads, provider, isFed });
    plains.set(layer, opened);
    return opened;
  };
  const tables = fast.layers.map(({ ports, planned: { plan } }, index) => {
    const bound = bounds[index];
    return isCertified && bound
      ? certificates(bound, ports, { units: plan.units, classCount, tolerance, floor })
      : undefined;
  });
  const donors = draws > 0 ? await openDonors(model, planned, { threads, provider }) : undefined;
  const prepare = async (block: ImageBlock): Promise<PreparedBlock> => fast.prepare(block, await donors?.of(block, 0));
  const unitsOf = ({ only }: ImageBlock): Int32Array[] =>
    planned.map(({ plan }, index) => only?.[index] ?? Int32Array.from({ length: plan.units }, (_, unit) => unit));
  /** What the intact network says, and the block with those logits. */
  const ready = async (
    block: ImageBlock,
    found: PreparedBlock,
  ): Promise<{ prepared: PreparedBlock; baseline: Baseline }> => {
    const prepared = isExact ? { ...found, logits: await referenceLogits(block, reference, classCount) } : found;
    return { prepared, baseline: await settleBaseline(block, prepared, { reference, classCount, tolerance, floor }) };
  };
  const sweepOnce = async (
    block: ImageBlock,
    prepared: PreparedBlock,
    baseline: Baseline,
    {
      fed,
      changes,
      count,
    }: { fed?: FedResponses | undefined; changes?: readonly DrawChanges[]; count: (units?: number) => void },
  ): Promise<SweptLayer[]> => {
    const layers: SweptLayer[] = [];
    const asked = unitsOf(block);
    for (const [index, layer] of planned.entries()) {
      const { units, tap } = layer.plan;
      const only = asked[index];
      const collector = collectFlips(block, {
        units,
        classCount,
        head: model.head,
        predictions: baseline.predictions,
        logits: prepared.logits,
        reference,
        tolerance,
        floor,
        isContinuous: options.continuous,
        changes: changes?.[index],
      });
      const removal = { tap, replacement: layer.replacement, fed: fed?.get(tap) };
      let verified = 0;
      if (isExact) await sweepReference(removal, block, { only, collector, reference, count });
      else if (isPlain) {
        await sweepPlain(removal, block, { only, collector, route: await plainRoute(index, tap), count });
      } else if (only.length > 0) {
        const { verify, seed } = options;
        const choice = { fraction: typeof verify === "number" ? verify : verify[index], seed, at: index };
        await sweepFast(fast.layers[index], prepared, {
          only,
          collector,
          certificate: tables[index]?.(prepared),
          routes: options.routes,
          predictions: baseline.predictions,
          classCount,
          count,
          fed: removal.fed,
          repeatedRows: (unit) => chosenRows(choice, unit, block.images),
          check: async (pair, removed) => {
            await checkPairs(model, block, [pair], {
              removal: removed,
              reference,
              what: `unit ${removed.units.join(", ")}`,
            });
            verified++;
          },
        });
      }
      layers.push({ ...collector.finish(), verified });
    }
    return layers;
  };
  return {
    prepare,
    sweep: async (block, given, report) => {
      const pairs = unitsOf(block).reduce((sum, { length }) => sum + length, 0) * Math.max(1, draws);
      let done = 0;
      const count = (units = 1): void => report?.((done += units) / pairs);
      const { prepared: first, baseline } = await ready(block, given ?? (await prepare(block)));
      if (!donors) return { ...baseline, layers: await sweepOnce(block, first, baseline, { count }) };
      const changes = planned.map(({ plan }) => collectDraws(plan.units, block.count));
      const found: SweptLayer[][] = [];
      for (let draw = 0; draw < draws; draw++) {
        const fed = await donors.of(block, draw);
        const { logits } = first;
        const prepared = draw === 0 ? first : { ...(await fast.prepare(block, fed)), logits };
        found.push(await sweepOnce(block, prepared, baseline, { fed, changes, count }));
      }
      const layers = planned.map(({ plan }, index) =>
        joinDraws(
          block,
          found.map((layersOfDraw) => layersOfDraw[index]),
          { units: plan.units, predictions: baseline.predictions, changes: options.continuous ? changes[index] : null },
        ),
      );
      return { ...baseline, layers };
    },
    close: async () => {
      await donors?.close();
      await fast.close();
      await reference.close();
      for (const route of plains.values()) await (await route).close();
    },
  };
}
