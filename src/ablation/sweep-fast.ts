/**
 * The sweep of one layer over a block of images, every pair of a unit and an image by what removing the unit changes:
 * nothing, provably no prediction, a linear tail, or all that is left of the network.
 */
import type { CertificateTable } from "./certificates.ts";
import { closedLogits } from "./closed-form.ts";
import type { FastLayer } from "./fast-layer.ts";
import type { FlipCollector } from "./flip-collector.ts";
import type { Removal } from "./plain-route.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import type { Routes } from "./routes.ts";
import type { FoundPair } from "./verify.ts";

/** What a layer is swept with. */
interface FastSweep {
  /** The units. */
  readonly only: Int32Array;
  readonly collector: FlipCollector;
  readonly certificate: CertificateTable | undefined;
  readonly routes: Routes;
  /** Of the intact network, `[count]`. */
  readonly predictions: Int32Array;
  readonly classCount: number;
  /** Told of units that are done, or parts of them. */
  readonly count: (units: number) => void;
  /** Whether a pair is repeated the plain way, and repeating it. */
  readonly isChosen: (unit: number, row: number) => boolean;
  readonly check: (pair: FoundPair, removal: Removal) => Promise<void>;
  readonly fed: BlockTensor | undefined;
}

/** Sweeps a layer. */
export async function sweepFast(layer: FastLayer, prepared: PreparedBlock, sweep: FastSweep): Promise<void> {
  const { only, collector, certificate, routes, predictions, classCount, count, isChosen, check, fed } = sweep;
  const { plan, replacement } = layer.planned;
  const { settled } = collector;
  const closed =
    routes.closedForm && layer.closed
      ? closedLogits(layer.closed, prepared, { units: plan.units, classCount })
      : undefined;
  const isSilent = routes.silent ? silence(layer, prepared) : () => false;
  const removals: Removal[] = [];
  for (const unit of only) removals[unit] = { tap: plan.tap, units: [unit], replacement, fed };

  /** Repeats the pair if that is its turn, once its prediction is known. */
  const repeat = async (
    { unit, row }: { unit: number; row: number },
    taken: number | Promise<number>,
    logits: Float32Array | undefined,
  ): Promise<void> => {
    const prediction = await taken;
    if (isChosen(unit, row)) await check({ row, prediction, logits }, removals[unit]);
  };
  /** Row `at` of some logits are the pair's. */
  const take = (unit: number, row: number, logits: Float32Array, at: number): Promise<void> | undefined => {
    const taken = collector.take(unit, row, logits, at, removals[unit]);
    if (typeof taken === "number" && !isChosen(unit, row)) return undefined;
    return repeat({ unit, row }, taken, logits.slice(at * classCount, (at + 1) * classCount));
  };
  /** The prediction stays, and where nothing changes the logits, too. */
  const pass = (unit: number, row: number, isSame: boolean): Promise<void> | undefined => {
    if (!isChosen(unit, row)) return undefined;
    const logits = isSame ? prepared.logits.subarray(row * classCount, (row + 1) * classCount) : undefined;
    return repeat({ unit, row }, predictions[row], logits);
  };

  const pairs = closed ? undefined : layer.pairs;
  const pack = pairs?.pack ?? prepared.count;
  const units = new Int32Array(pack);
  const rows = new Int32Array(pack);
  let waiting = 0;
  const flush = async (): Promise<void> => {
    if (waiting === 0) return;
    const [own, some] = [units.subarray(0, waiting), rows.subarray(0, waiting)];
    const logits = pairs ? await pairs.remove(prepared, own, some) : await layer.removeUnit(prepared, own[0], some);
    for (let at = 0; at < waiting; at++) {
      const taken = take(own[at], some[at], logits, at);
      if (taken) await taken;
    }
    waiting = 0;
  };
  const visit = (unit: number, row: number): Promise<void> | undefined => {
    if (isSilent(unit, row)) {
      settled.silent++;
      return pass(unit, row, true);
    }
    if (certificate?.isCertain(row, unit)) {
      settled.certified++;
      return pass(unit, row, false);
    }
    if (closed) {
      settled.closedForm++;
      return take(unit, row, closed(row, unit), 0);
    }
    settled.suffix++;
    units[waiting] = unit;
    rows[waiting++] = row;
    return waiting === pack ? flush() : undefined;
  };

  if (!pairs?.byImage) {
    for (const unit of only) {
      for (let row = 0; row < prepared.count; row++) {
        const visited = visit(unit, row);
        if (visited) await visited;
      }
      if (!pairs) await flush();
      count(1);
    }
    await flush();
    return;
  }
  // Image by image, so that an image's sums stay in the cache while its units are removed.
  for (let row = 0; row < prepared.count; row++) {
    for (const unit of only) {
      const visited = visit(unit, row);
      if (visited) await visited;
    }
    count(only.length / prepared.count);
  }
  await flush();
}

/** Whether removing a unit changes nothing of an image, at any frontier. */
function silence(
  { ports, planned: { plan } }: FastLayer,
  { tensors }: PreparedBlock,
): (unit: number, row: number) => boolean {
  const { units } = plan;
  const largest = ports.magnitudes.map((port) => tensors.get(port.largest)?.data as Float32Array);
  if (largest.length === 0) return () => false;
  return (unit, row) => {
    for (const data of largest) if (data[row * units + unit] !== 0) return false;
    return true;
  };
}
