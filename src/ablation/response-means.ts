/**
 * The mean response of every unit over images and positions, which `--method mean` puts in its place.
 *
 * Summed in double precision, with batches of a fixed size on one thread, so that the constant is the same to the last
 * bit whatever the number of workers.
 */

import { cutTo } from "../onnx/edit.ts";
import type { Model } from "../runtime/open-model.ts";
import { openSession, type Session } from "../runtime/session.ts";
import type { Block } from "./flip-collector.ts";
import { pickImages } from "./plain-route.ts";

/** An opened network whose outputs are responses. */
export interface Responses {
  readonly session: Session;
  readonly input: string;
  readonly taps: readonly string[];
}

/** Sums of one block. */
export interface ResponseSums {
  /** Per tap, float64 `[units]`. */
  readonly sums: readonly Float64Array[];
  /** Values behind each sum: images × positions. */
  readonly counts: readonly number[];
}

const BATCH = 16;

/** Opens the network up to the given taps. */
export async function openResponses(model: Model, taps: readonly string[]): Promise<Responses> {
  const session = await openSession(cutTo(model.graph, [...taps]), { threads: 1, place: `model "${model.name}"` });
  return { session, input: model.input.name, taps };
}

/** Sums every unit's response over a block. */
export async function addResponseSums({ session, input, taps }: Responses, { pixels }: Block): Promise<ResponseSums> {
  const rows = Int32Array.from({ length: pixels.count }, (_, row) => row);
  const sums: Float64Array[] = [];
  const counts = taps.map(() => 0);
  for (let start = 0; start < pixels.count; start += BATCH) {
    const count = Math.min(BATCH, pixels.count - start);
    const results = await session.run({ [input]: pickImages(pixels, rows, { start, count }) });
    for (const [index, tap] of taps.entries()) {
      const { dims, data } = results[tap] as { dims: readonly number[]; data: Float32Array };
      const units = dims[1];
      const positions = data.length / (count * units);
      const sum = (sums[index] ??= new Float64Array(units));
      for (let at = 0, channel = 0; at < data.length; channel++) {
        let total = 0;
        for (const end = at + positions; at < end; at++) total += data[at];
        sum[channel % units] += total;
      }
      counts[index] = counts[index] + count * positions;
    }
  }
  return { sums, counts };
}

/** The means from the sums of consecutive blocks, float32 `[units]` per tap. */
export function meansOf(blocks: readonly ResponseSums[]): Float32Array[] {
  const [first] = blocks;
  if (!first) return [];
  return first.sums.map((sum, tap) => {
    const total = new Float64Array(sum.length);
    let count = 0;
    for (const block of blocks) {
      block.sums[tap]?.forEach((value, unit) => {
        total[unit] += value;
      });
      count += block.counts[tap];
    }
    return Float32Array.from(total, (value) => value / count);
  });
}
