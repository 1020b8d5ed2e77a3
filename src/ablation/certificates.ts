/**
 * Certified skips: pairs whose prediction cannot change, because a sound bound on the change of every logit difference
 * is below the image's margin: |Δ(logit_j − logit_t)| ≤ ‖w_j − w_t‖ · Σ gain · ‖change‖.
 *
 * Rounding is in it: margins are first reduced by twice the tolerance within which the reference settles predictions,
 * once for the baseline's logits and once for the ablated ones.
 */

import type { LayerPorts } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { SuffixBound } from "./suffix-bound.ts";

/** Certificates of one layer over one block of images. */
export interface CertificateTable {
  /** Whether the prediction of image `row` provably stays when `unit` is removed. */
  isCertain(row: number, unit: number): boolean;
}

/** Covers the rounding of the norms themselves, which the runtime sums in float32. */
const NORM_SLACK = 1.0001;

/** Certificates of a layer from its suffix's bound. */
export function certificates(
  bound: SuffixBound,
  ports: LayerPorts,
  { units, ...reading }: { units: number; classCount: number; tolerance: number; floor: number },
): (block: PreparedBlock) => CertificateTable {
  const roomIn = certificateRoom(bound, reading);
  return (block) => {
    const room = roomIn(block);
    const norms = ports.magnitudes.map((port) => block.tensors.get(port.norm)?.data as Float32Array);
    return {
      isCertain: (row, unit) => {
        let moved = 0;
        for (let i = 0; i < norms.length; i++) {
          moved += norms[i]?.[row * units + unit] * bound.gains[i]?.[unit];
        }
        return moved * NORM_SLACK < room[row];
      },
    };
  };
}

/**
 * How far the last hidden vector of every image of a block may move before another class could win, `[count]`.
 * @param reading tolerance of near-ties and the model's `logitFloor`, see `predictions.ts`.
 */
export function certificateRoom(
  bound: SuffixBound,
  reading: { classCount: number; tolerance: number; floor: number },
): (block: PreparedBlock) => Float64Array {
  const distances = rowDistances(bound, reading.classCount);
  return ({ count, logits }) => {
    const room = new Float64Array(count);
    for (let row = 0; row < count; row++) room[row] = roomOf(logits, row, distances, reading);
    return room;
  };
}

function roomOf(
  logits: Float32Array,
  row: number,
  distances: (cls: number) => Float64Array,
  { classCount, tolerance, floor }: { classCount: number; tolerance: number; floor: number },
): number {
  const start = row * classCount;
  let top = 0;
  let scale = floor;
  for (let cls = 0; cls < classCount; cls++) {
    const logit = logits[start + cls];
    if (logit > logits[start + top]) top = cls;
    scale = Math.max(scale, Math.abs(logit));
  }
  const away = distances(top);
  let room = Infinity;
  for (let cls = 0; cls < classCount; cls++) {
    if (cls === top) continue;
    const margin = logits[start + top] - logits[start + cls] - 2 * tolerance * scale;
    room = Math.min(room, margin <= 0 ? 0 : margin / away[cls]);
  }
  return room;
}

/** ‖w_j − w_t‖ for all j, computed when class t is first met. */
function rowDistances({ classifier, hidden }: SuffixBound, classCount: number): (cls: number) => Float64Array {
  const known = new Map<number, Float64Array>();
  return (cls) => {
    let row = known.get(cls);
    if (!row) {
      row = new Float64Array(classCount);
      for (let other = 0; other < classCount; other++) {
        let squares = 0;
        for (let i = 0; i < hidden; i++) {
          squares += (classifier[other * hidden + i] - classifier[cls * hidden + i]) ** 2;
        }
        row[other] = Math.sqrt(squares);
      }
      known.set(cls, row);
    }
    return row;
  };
}
