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
import { openPlainRoute, openReference, type PlainRoute, type Reference, type Removal } from "./plain-route.ts";
import { isTie, type Reading, readRow } from "./predictions.ts";
import type { PlannedLayer } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { SuffixBound } from "./suffix-bound.ts";
import { checkPairs, chosenRows, type FoundPair } from "./verify.ts";

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
  const { classCount, tieTolerance } = model;
  // Where every prediction is the reference's, no other route has anything to add.
  const isExact = tieTolerance === Infinity;
  const tolerance = isExact ? 0 : tieTolerance;
  const isPlain = options.engine === "plain" || isExact;
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
    return isCertified && bound ? certificates(bound, ports, { units: plan.units, classCount, tolerance }) : undefined;
  });
  const prepare = (block: ImageBlock): Promise<PreparedBlock> => fast.prepare(block);
  return {
    prepare,
    sweep: async (block, given, report) => {
      const ready = given ?? (await prepare(block));
      const prepared = isExact ? { ...ready, logits: await referenceLogits(block, reference, classCount) } : ready;
      const baseline = await settleBaseline(block, prepared, { reference, classCount, tolerance });
      const layers: SweptLayer[] = [];
      const chosen = planned.map(({ plan }, index) => block.only?.[index] ?? allUnits(plan.units));
      const unitCount = chosen.reduce((sum, { length }) => sum + length, 0);
      let done = 0;
      const count = (): void => report?.(++done / unitCount);
      for (const [index, layer] of planned.entries()) {
        const { units, tap } = layer.plan;
        const only = chosen[index];
        const collector = collectFlips(block, {
          units,
          classCount,
          predictions: baseline.predictions,
          logits: prepared.logits,
          reference,
          tolerance,
          isContinuous: options.continuous,
        });
        let verified = 0;
        if (isExact) await sweepReference(layer, block, { only, collector, reference, count });
        else if (isPlain)
          await sweepPlain(layer, block, { only, collector, route: await plainRoute(index, tap), count });
        else {
          const { verify, seed } = options;
          const choice = { fraction: typeof verify === "number" ? verify : verify[index], seed, at: index };
          await sweepFast(fast.layers[index], prepared, {
            only,
            collector,
            certificate: tables[index]?.(prepared),
            routes: options.routes,
            classCount,
            count,
            chosen: (unit) => chosenRows(choice, unit, block.images),
            check: async (pairs, removal) => {
              const what = `unit ${removal.units.join(", ")}`;
              await checkPairs(model, block, pairs, { removal, reference, what });
              verified += pairs.length;
            },
          });
        }
        layers.push({ ...collector.finish(), verified });
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

function allUnits(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, unit) => unit);
}

/** Baseline predictions and margins of a block, ties settled by the reference. */
async function settleBaseline(
  block: ImageBlock,
  { count, logits }: PreparedBlock,
  { reference, classCount, tolerance }: { reference: Reference; classCount: number; tolerance: number },
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
    predictions[row] = isTie(reading, tolerance) ? await reference.predict(block, row, null) : reading.prediction;
  }
  return { predictions, margins };
}

/** Every unit through the whole network: the oracle. */
async function sweepPlain(
  { plan, replacement }: PlannedLayer,
  block: ImageBlock,
  {
    only,
    collector,
    route,
    count,
  }: { only: Int32Array; collector: FlipCollector; route: PlainRoute; count: () => void },
): Promise<void> {
  const rows = Int32Array.from({ length: block.count }, (_, row) => row);
  for (const unit of only) {
    const removal = { tap: plan.tap, units: [unit], replacement };
    const logits = await route.logits(block, rows, removal);
    for (let row = 0; row < rows.length; row++) await collector.take(unit, row, logits, row, removal);
    count();
  }
  collector.settled.plain = only.length * rows.length;
}

/** Logits of every image, one at a time, `[count, classCount]`. */
async function referenceLogits(block: ImageBlock, reference: Reference, classCount: number): Promise<Float32Array> {
  const logits = new Float32Array(block.count * classCount);
  for (let row = 0; row < block.count; row++) logits.set(await reference.logits(block, row, null), row * classCount);
  return logits;
}

/** Every unit through the whole network, one image at a time. */
async function sweepReference(
  { plan, replacement }: PlannedLayer,
  block: ImageBlock,
  {
    only,
    collector,
    reference,
    count,
  }: { only: Int32Array; collector: FlipCollector; reference: Reference; count: () => void },
): Promise<void> {
  for (const unit of only) {
    const removal = { tap: plan.tap, units: [unit], replacement };
    for (let row = 0; row < block.count; row++) {
      await collector.take(unit, row, await reference.logits(block, row, removal), 0, removal);
    }
    count();
  }
  collector.settled.plain = only.length * block.count;
}

/** Every unit by what it changes. */
async function sweepFast(
  layer: FastLayer,
  prepared: PreparedBlock,
  {
    only,
    collector,
    certificate,
    routes,
    classCount,
    count: countUnit,
    chosen,
    check,
  }: {
    only: Int32Array;
    collector: FlipCollector;
    certificate: CertificateTable | undefined;
    routes: Routes;
    classCount: number;
    count: () => void;
    /** Rows whose pair with a unit is repeated the plain way, and repeating them. */
    chosen: (unit: number) => readonly number[];
    check: (pairs: readonly FoundPair[], removal: Removal) => Promise<void>;
  },
): Promise<void> {
  const { plan, replacement } = layer.planned;
  const { units } = plan;
  const { settled } = collector;
  const largest = layer.ports.magnitudes.map((port) => prepared.tensors.get(port.largest)?.data as Float32Array);
  const rows = new Int32Array(prepared.count);
  const closed =
    routes.closedForm && layer.closed ? closedLogits(layer.closed, prepared, { units, classCount }) : undefined;
  for (const unit of only) {
    countUnit();
    let count = 0;
    const isSilent = (row: number): boolean =>
      routes.silent && largest.length > 0 && largest.every((data) => data[row * units + unit] === 0);
    for (let row = 0; row < prepared.count; row++) {
      if (isSilent(row)) settled.silent++;
      else if (certificate?.isCertain(row, unit)) settled.certified++;
      else rows[count++] = row;
    }
    const some = rows.subarray(0, count);
    const removal = { tap: plan.tap, units: [unit], replacement };
    settled[closed ? "closedForm" : "suffix"] += count;
    const logits = closed || count === 0 ? undefined : await layer.removeUnit(prepared, unit, some);
    for (let i = 0; i < count; i++) {
      const row = some[i];
      const waiting = logits
        ? collector.take(unit, row, logits, i, removal)
        : collector.take(unit, row, closed?.(row, unit) as Float32Array, 0, removal);
      if (waiting) await waiting;
    }
    const repeated = chosen(unit);
    if (repeated.length === 0) continue;
    const logitsOf = (row: number): Float32Array | undefined => {
      if (isSilent(row)) return prepared.logits.subarray(row * classCount, (row + 1) * classCount);
      const at = some.indexOf(row);
      if (at < 0) return undefined;
      return logits ? logits.subarray(at * classCount, (at + 1) * classCount) : closed?.(row, unit).slice();
    };
    const pairs = repeated.map((row) => ({ row, prediction: collector.found(unit, row), logits: logitsOf(row) }));
    await check(pairs, removal);
  }
}
