/**
 * Several draws of responses in the place of a unit's own, as one removal: an image is called what most draws call it, and
 * its log-probability and margin change by their means over the draws.
 */
import { cutTo } from "../onnx/edit.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Model } from "../runtime/open-model.ts";
import { openSession, type Provider } from "../runtime/session.ts";
import { type ChangeCollector, collectChanges } from "./class-sums.ts";
import { runInBatches } from "./fast-route.ts";
import type { FedResponses } from "./fed-responses.ts";
import type { LayerBlock, Settled } from "./flip-collector.ts";
import type { PlannedLayer } from "./prefix-graph.ts";

/** One layer of a block as one draw finds it. */
type DrawnLayer = LayerBlock & { readonly verified: number };

/** Responses of a block's donors. */
export interface Donors {
  /** At the taps of all layers, for one draw. */
  of(block: ImageBlock, draw: number): Promise<FedResponses>;
  close(): Promise<void>;
}

/** Opens the network up to the taps. */
export async function openDonors(
  model: Model,
  planned: readonly PlannedLayer[],
  { threads, provider }: { threads: number; provider: Provider },
): Promise<Donors> {
  const taps = [...new Set(planned.map(({ plan }) => plan.tap))];
  const session = await openSession(cutTo(model.graph, taps), { threads, provider, place: `model "${model.name}"` });
  return {
    of: async ({ count, imageDims, donors }, draw) => {
      const data = donors?.[draw];
      if (!data) throw new Error(`internal: draw ${draw}: expected donors beside the images, got none`);
      return await runInBatches(session, model, { count, imageDims, data });
    },
    close: () => session.close(),
  };
}

/** Adds up the companions' changes over draws. */
export interface DrawChanges extends Pick<ChangeCollector, "add"> {
  /** Log-probability and margin, float64 `[units, count, 2]`. */
  readonly sums: Float64Array;
}

/** Starts adding. */
export function collectDraws(units: number, count: number): DrawChanges {
  const sums = new Float64Array(units * count * 2);
  return {
    sums,
    add: (pairs, { logProbabilities, margins }) => {
      for (let pair = 0; pair < pairs.units.length; pair++) {
        const at = 2 * (pairs.units[pair] * count + pairs.rows[pair]);
        sums[at] += logProbabilities[pair];
        sums[at + 1] += margins[pair];
      }
    },
  };
}

/**
 * Joins what the draws found about one layer of a block.
 * @param options.predictions what images are called with the unit in place: it wins ties that it is in, else the lowest
 * class does.
 */
export function joinDraws(
  block: ImageBlock,
  draws: readonly DrawnLayer[],
  {
    units,
    predictions,
    changes,
  }: { units: number; predictions: Int32Array; changes: Pick<DrawChanges, "sums"> | null },
): DrawnLayer {
  const rowOf = new Map(Array.from(block.images, (image, row) => [image, row]));
  const votes = new Map<number, number[]>();
  for (const { unit, image, prediction } of draws) {
    unit.forEach((each, at) => {
      const pair = each * block.count + (rowOf.get(image[at]) ?? 0);
      const own = votes.get(pair);
      if (own) own.push(prediction[at]);
      else votes.set(pair, [prediction[at]]);
    });
  }
  const flips = [...votes]
    .map(([pair, other]) => {
      const [unit, row] = [Math.floor(pair / block.count), pair % block.count];
      return { unit, row, prediction: mostCalled(other, predictions[row], draws.length) };
    })
    .filter(({ row, prediction }) => prediction !== predictions[row])
    .sort((a, b) => a.unit - b.unit || a.row - b.row);
  const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
  for (const each of draws) {
    for (const route of Object.keys(settled) as (keyof Settled)[]) settled[route] += each.settled[route];
  }
  return {
    unit: Int32Array.from(flips, ({ unit }) => unit),
    image: Int32Array.from(flips, ({ row }) => block.images[row]),
    prediction: Int32Array.from(flips, ({ prediction }) => prediction),
    settled,
    continuous: changes && meanChanges(block, changes.sums, { units, draws: draws.length }),
    verified: draws.reduce((sum, { verified }) => sum + verified, 0),
  };
}

/** The class that most draws call an image; draws that did not change it are not listed. */
function mostCalled(flipped: readonly number[], own: number, draws: number): number {
  const counts = new Map([[own, draws - flipped.length]]);
  for (const cls of flipped) counts.set(cls, (counts.get(cls) ?? 0) + 1);
  const most = Math.max(...counts.values());
  if (counts.get(own) === most) return own;
  return Math.min(...[...counts].filter(([, count]) => count === most).map(([cls]) => cls));
}

function meanChanges(
  { labels, count }: ImageBlock,
  sums: Float64Array,
  { units, draws }: { units: number; draws: number },
): ReturnType<ChangeCollector["finish"]> {
  const collector = collectChanges(units, labels);
  const rows = Int32Array.from({ length: count }, (_, row) => row);
  for (let unit = 0; unit < units; unit++) {
    const meanOf = (companion: 0 | 1): Float64Array =>
      Float64Array.from(rows, (row) => sums[2 * (unit * count + row) + companion] / draws);
    const drops = { logProbabilities: meanOf(0), margins: meanOf(1) };
    collector.add({ units: new Int32Array(count).fill(unit), rows }, drops);
  }
  return collector.finish();
}
