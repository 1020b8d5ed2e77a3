/**
 * The sweep of one block of images: every unit of every requested layer removed in turn, by the plain route or by the
 * fast ones, to the predictions that flip.
 */

import { messageOf, UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { type CertificateTable, certificates } from "./certificates.ts";
import { closedLogits } from "./closed-form.ts";
import { type FastLayer, type FastRoute, openFastRoute } from "./fast-route.ts";
import { collectFlips, type FlipCollector, type LayerBlock } from "./flip-collector.ts";
import type { SwitchedTensor } from "./plain-graph.ts";
import { openPlainRoute, openReference, type PlainRoute, type Reference } from "./plain-route.ts";
import { isTie, type Reading, readRow } from "./predictions.ts";
import type { PlannedLayer } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { SuffixBound } from "./suffix-bound.ts";
import { type Mismatch, verifyBlock } from "./verify.ts";

/** Routes that can be switched off, to measure what each is worth. */
export interface Routes {
  /** Skip pairs in which the unit's removal changes nothing. */
  readonly silent: boolean;
  /** Skip pairs whose prediction provably cannot change. */
  readonly certified: boolean;
  /** Linear tails as one product. */
  readonly closedForm: boolean;
}

/** Every route on. */
export const allRoutes: Routes = { silent: true, certified: true, closedForm: true };

/** How a sweep is carried out. */
export interface SweepOptions {
  /** `plain`: the whole network for every unit; `auto`: every fast route. */
  readonly engine: "auto" | "plain";
  readonly routes: Routes;
  /** Sum the continuous companions of the drop too; certified skips are then off. */
  readonly continuous: boolean;
  /** Fraction of the (unit, image) pairs that is repeated the plain way, in [0, 1]. */
  readonly verify: number;
  readonly seed: number;
  /** ONNX Runtime's threads inside an operator. */
  readonly threads: number;
  readonly provider: Provider;
}

/** One layer of a swept block. */
export interface SweptLayer extends LayerBlock {
  /** Pairs that were repeated the plain way, and those that came out otherwise. */
  readonly verified: number;
  readonly mismatches: readonly Mismatch[];
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
  /** Runs the prefix; `sweep` does it itself when it is given no prepared block. */
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
  const { threads, provider } = options;
  const { classCount } = model;
  const isPlain = options.engine === "plain";
  const isCertified = !isPlain && !options.continuous && options.routes.certified;
  const reference = openReference(model, switched);
  const fast: FastRoute = await openFastRoute(model, isPlain ? [] : planned, { threads, provider, observed });
  const plains = new Map<number, Promise<PlainRoute>>();
  const plainRoute = (layer: number, tap: string): Promise<PlainRoute> => {
    const known = plains.get(layer);
    if (known) return known;
    const tensor = switched.find((each) => each.tap === tap);
    if (!tensor) throw new UnitscopeError("internal", `internal: tap "${tap}": expected among the switched tensors`);
    const opened = openPlainRoute(model, tensor, { reference, threads, provider });
    plains.set(layer, opened);
    return opened;
  };
  const tables = fast.layers.map(({ ports, planned: { plan } }, index) => {
    const bound = bounds[index];
    return isCertified && bound ? certificates(bound, ports, { units: plan.units, classCount }) : undefined;
  });
  const prepare = (block: ImageBlock): Promise<PreparedBlock> => fast.prepare(block);
  const unitCount = planned.reduce((sum, { plan }) => sum + plan.units, 0);
  return {
    prepare,
    sweep: async (block, given, report) => {
      const prepared = given ?? (await prepare(block));
      const baseline = await settleBaseline(block, prepared, { reference, classCount });
      const layers: SweptLayer[] = [];
      let done = 0;
      const count = (): void => report?.(++done / unitCount);
      for (const [index, layer] of planned.entries()) {
        const { units, tap } = layer.plan;
        const collector = collectFlips(block, {
          units,
          classCount,
          predictions: baseline.predictions,
          logits: prepared.logits,
          reference,
          isContinuous: options.continuous,
        });
        if (isPlain) await sweepPlain(layer, block, { collector, route: await plainRoute(index, tap), count });
        else {
          await sweepFast(fast.layers[index], prepared, {
            collector,
            certificate: tables[index]?.(prepared),
            routes: options.routes,
            classCount,
            count,
          });
        }
        const swept = collector.finish();
        const checked =
          options.verify > 0 && !isPlain
            ? await verifyBlock(block, swept, {
                layer: index,
                planned: layer,
                predictions: baseline.predictions,
                route: await plainRoute(index, tap),
                fraction: options.verify,
                seed: options.seed,
              })
            : { verified: 0, mismatches: [] };
        layers.push({ ...swept, ...checked });
      }
      return { ...baseline, layers };
    },
    close: async () => {
      await fast.close();
      await reference.close();
      for (const route of plains.values()) await (await route).close();
    },
  };
}

/** Baseline predictions and margins of a block, ties settled by the reference. */
async function settleBaseline(
  block: ImageBlock,
  { count, logits }: PreparedBlock,
  { reference, classCount }: { reference: Reference; classCount: number },
): Promise<{ predictions: Int32Array; margins: Float32Array }> {
  const predictions = new Int32Array(count);
  const margins = new Float32Array(count);
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  for (let row = 0; row < count; row++) {
    try {
      readRow(logits, row, { classCount, into: reading });
    } catch (cause) {
      const place = `image ${block.images[row]}: ${messageOf(cause)}`;
      throw new UnitscopeError("value", `${place}; check the preprocessing and the model`, { cause });
    }
    margins[row] = reading.margin;
    predictions[row] =
      reference.settlesAll || isTie(reading) ? await reference.predict(block, row, null) : reading.prediction;
  }
  return { predictions, margins };
}

/** Every unit through the whole network: the oracle. */
async function sweepPlain(
  { plan, replacement }: PlannedLayer,
  block: ImageBlock,
  { collector, route, count }: { collector: FlipCollector; route: PlainRoute; count: () => void },
): Promise<void> {
  const rows = Int32Array.from({ length: block.count }, (_, row) => row);
  for (let unit = 0; unit < plan.units; unit++) {
    const removal = { tap: plan.tap, units: [unit], replacement };
    const logits = await route.logits(block, rows, removal);
    for (let row = 0; row < rows.length; row++) await collector.take(unit, row, logits, row, removal);
    count();
  }
  collector.settled.plain = plan.units * rows.length;
}

/** Every unit by what it changes. */
async function sweepFast(
  layer: FastLayer,
  prepared: PreparedBlock,
  {
    collector,
    certificate,
    routes,
    classCount,
    count: countUnit,
  }: {
    collector: FlipCollector;
    certificate: CertificateTable | undefined;
    routes: Routes;
    classCount: number;
    count: () => void;
  },
): Promise<void> {
  const { plan, replacement } = layer.planned;
  const { units } = plan;
  const { settled } = collector;
  const largest = layer.ports.magnitudes.map((port) => prepared.tensors.get(port.largest)?.data as Float32Array);
  const rows = new Int32Array(prepared.count);
  const closed =
    routes.closedForm && layer.closed ? closedLogits(layer.closed, prepared, { units, classCount }) : undefined;
  for (let unit = 0; unit < units; unit++) {
    countUnit();
    let count = 0;
    for (let row = 0; row < prepared.count; row++) {
      const at = row * units + unit;
      if (routes.silent && largest.length > 0 && largest.every((data) => data[at] === 0)) settled.silent++;
      else if (certificate?.isCertain(row, unit)) settled.certified++;
      else rows[count++] = row;
    }
    if (count === 0) continue;
    const some = rows.subarray(0, count);
    const removal = { tap: plan.tap, units: [unit], replacement };
    settled[closed ? "closedForm" : "suffix"] += count;
    const logits = closed ? undefined : await layer.removeUnit(prepared, unit, some);
    for (let i = 0; i < count; i++) {
      const row = some[i];
      const waiting = logits
        ? collector.take(unit, row, logits, i, removal)
        : collector.take(unit, row, closed?.(row, unit) as Float32Array, 0, removal);
      if (waiting) await waiting;
    }
  }
}
