/**
 * The sweep of one layer over a block of images, every pair of a unit and an image by what removing the unit changes:
 * nothing, provably no prediction, a linear tail, or all that is left of the network.
 */
import type { CertificateTable } from "./certificates.ts";
import type { Pairs } from "./class-sums.ts";
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
  /** Images whose pair with a unit is repeated the plain way, and repeating it. */
  readonly repeatedRows: (unit: number) => readonly number[];
  readonly check: (pair: FoundPair, removal: Removal) => Promise<void>;
  readonly fed: BlockTensor | undefined;
}

/** Sweeps a layer. */
export async function sweepFast(layer: FastLayer, prepared: PreparedBlock, sweep: FastSweep): Promise<void> {
  const { only, collector, routes, predictions, classCount, count, check, fed } = sweep;
  const { plan, replacement } = layer.planned;
  const removals: Removal[] = [];
  for (const unit of only) removals[unit] = { tap: plan.tap, units: [unit], replacement, fed };
  const closed =
    routes.closedForm && layer.closed
      ? closedLogits(layer.closed, prepared, { units: plan.units, classCount })
      : undefined;
  const pairs = closed ? undefined : layer.pairs;
  const { open, passed } = sortPairs(layer, prepared, { ...sweep, byImage: pairs?.byImage ?? false });
  collector.settled[closed ? "closedForm" : "suffix"] += open.units.length;

  // The predictions of these stay, and where nothing changes, the logits too.
  for (const { unit, row, isSame } of passed) {
    const logits = isSame ? prepared.logits.subarray(row * classCount, (row + 1) * classCount) : undefined;
    await check({ row, prediction: predictions[row], logits }, removals[unit]);
  }
  count((only.length * prepared.count - open.units.length) / prepared.count);

  const logitsOf = async ({ units, rows }: Pairs): Promise<Float32Array> => {
    if (closed) return closed(units, rows);
    return await (pairs ? pairs.remove(prepared, units, rows) : layer.removeUnit(prepared, units[0], rows));
  };
  const end = open.units.length;
  let repeat = 0;
  for (let start = 0; start < end; ) {
    // Without a way for pairs of any units, a run of one unit's.
    const stop = closed || pairs ? Math.min(end, start + (pairs?.pack ?? PACK)) : endOfUnit(open.units, start);
    const some = { units: open.units.subarray(start, stop), rows: open.rows.subarray(start, stop) };
    const logits = await logitsOf(some);
    const taken = collector.take(some, logits, (unit) => removals[unit]);
    const found = taken instanceof Int32Array ? taken : await taken;
    for (; repeat < open.repeated.length && open.repeated[repeat] < stop; repeat++) {
      const at = open.repeated[repeat] - start;
      const own = logits.slice(at * classCount, (at + 1) * classCount);
      await check({ row: some.rows[at], prediction: found[at], logits: own }, removals[some.units[at]]);
    }
    count((stop - start) / prepared.count);
    start = stop;
  }
}

/** Pairs of the closed form whose logits are held at a time. */
const PACK = 256;

function endOfUnit(units: Int32Array, start: number): number {
  let stop = start + 1;
  while (stop < units.length && units[stop] === units[start]) stop++;
  return stop;
}

/** Pairs whose logits have to be computed, in order. */
interface OpenPairs extends Pairs {
  /** Places of those that are repeated the plain way, ascending. */
  readonly repeated: readonly number[];
}

/** A pair without anything to compute that is repeated the plain way. */
interface PassedPair {
  readonly unit: number;
  readonly row: number;
  /** Whether nothing of the image changes; else its prediction provably stays. */
  readonly isSame: boolean;
}

/** What becomes of a pair. */
const [OPEN, SILENT, CERTIFIED] = [0, 1, 2];

/** What of a layer has to be computed: unit by unit, or image by image, so that an image's sums stay in the cache. */
function sortPairs(
  { ports, planned: { plan } }: FastLayer,
  { tensors, count }: PreparedBlock,
  { only, collector, certificate, routes, repeatedRows, byImage }: FastSweep & { byImage: boolean },
): { open: OpenPairs; passed: PassedPair[] } {
  const all = allPairs(only, count, byImage);
  const fates = new Uint8Array(all.units.length);
  const largest = ports.magnitudes.map((port) => tensors.get(port.largest)?.data as Float32Array);
  if (routes.silent && largest.length > 0) {
    fates.fill(SILENT);
    for (const data of largest) openChanged(fates, all, data, plan.units);
  }
  if (certificate) {
    for (let pair = 0; pair < fates.length; pair++) {
      const isCertain = fates[pair] === OPEN && certificate.isCertain(all.rows[pair], all.units[pair]);
      if (isCertain) fates[pair] = CERTIFIED;
    }
  }
  const { places, open, passed: counts } = openPairs(fates, all);
  collector.settled.silent += counts[SILENT];
  collector.settled.certified += counts[CERTIFIED];

  const repeated: number[] = [];
  const passed: PassedPair[] = [];
  only.forEach((unit, i) => {
    for (const row of repeatedRows(unit)) {
      const pair = byImage ? row * only.length + i : i * count + row;
      if (fates[pair] === OPEN) repeated.push(places[pair]);
      else passed.push({ unit, row, isSame: fates[pair] === SILENT });
    }
  });
  return { open: { ...open, repeated: repeated.sort((a, b) => a - b) }, passed };
}

function allPairs(only: Int32Array, count: number, byImage: boolean): Pairs {
  const [units, rows] = [new Int32Array(only.length * count), new Int32Array(only.length * count)];
  const [stepOfUnit, stepOfRow] = byImage ? [1, only.length] : [count, 1];
  for (let i = 0; i < only.length; i++) {
    for (let row = 0, pair = i * stepOfUnit; row < count; row++, pair += stepOfRow) {
      units[pair] = only[i];
      rows[pair] = row;
    }
  }
  return { units, rows };
}

/** Pairs of which something changes at a frontier are open. @param largest changes of every unit in every image, `[N, units]`. */
function openChanged(fates: Uint8Array, { units, rows }: Pairs, largest: Float32Array, unitCount: number): void {
  for (let pair = 0; pair < fates.length; pair++) {
    if (largest[rows[pair] * unitCount + units[pair]] !== 0) fates[pair] = OPEN;
  }
}

/** The open pairs, the place of each among them, and how many are of each fate. */
function openPairs(fates: Uint8Array, all: Pairs): { places: Int32Array; open: Pairs; passed: number[] } {
  const places = new Int32Array(fates.length);
  const counts = [0, 0, 0];
  for (let pair = 0; pair < fates.length; pair++) places[pair] = counts[fates[pair]]++;
  const [units, rows] = [new Int32Array(counts[OPEN]), new Int32Array(counts[OPEN])];
  for (let pair = 0; pair < fates.length; pair++) {
    if (fates[pair] !== OPEN) continue;
    units[places[pair]] = all.units[pair];
    rows[places[pair]] = all.rows[pair];
  }
  return { places, open: { units, rows }, passed: counts };
}
