/** Removing directions the plain way: the whole network with rotate, replace one coordinate, rotate back inserted. */
import { type PlainRoute, pickImages, predictionOf, type Reference } from "../ablation/plain-route.ts";
import { isTie, type Reading, readRow } from "../ablation/predictions.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import type { Model } from "../runtime/open-model.ts";
import { openSession, type Provider, type Session, type Value } from "../runtime/session.ts";
import { type Basis, basisFeeds, firstOutput, keepFeed } from "./basis-feeds.ts";
import { KEEP_INPUT, rotatedGraph } from "./direction-graphs.ts";
import { planDirections } from "./direction-plan.ts";

/** Images of one run. */
const BATCH = 32;

/** The plain route and the reference over the rotated network; `removal.units` are directions. */
export interface PlainRotation {
  /** Of one basis. */
  of(basis: Basis): { readonly route: PlainRoute; readonly reference: Reference };
  close(): Promise<void>;
}

/** Opens the whole network with the rotation inserted, twice when needed: in batches, and one image at a time. */
export function openPlainRotation(
  model: Model,
  { tap, replacement }: { tap: string; replacement: Float32Array },
  { threads = 1, provider = "cpu" }: { threads?: number; provider?: Provider } = {},
): PlainRotation {
  const { graph, classCount, input } = model;
  const { shapes } = model;
  const plan = planDirections(graph, planSuffix(model, tap));
  const { units } = plan.plan;
  const size = (shapes.get(tap) ?? []).slice(2) as number[];
  const whole = rotatedGraph(graph, plan, shapes);
  const place = `model "${model.name}"`;
  let batched: Promise<Session> | undefined;
  let single: Promise<Session> | undefined;
  return {
    of: (basis) => {
      const fixed = basisFeeds(basis, replacement, size);
      const feedsFor = (directions: readonly number[]): Record<string, Value> => ({
        ...fixed,
        [KEEP_INPUT]: keepFeed(units, size, directions),
      });
      const reference: Reference = {
        logits: async (pixels, row, removal) => {
          const session = await (single ??= openSession(whole, { threads: 1, place }));
          const image = pickImages(pixels, [row], { start: 0, count: 1 });
          const results = await session.run({ ...feedsFor(removal?.units ?? []), [input.name]: image });
          return firstOutput(session, results);
        },
        predict: async (pixels, row, removal) => predictionOf(await reference.logits(pixels, row, removal)),
        close: async () => undefined,
      };
      const logitsOf: PlainRoute["logits"] = async (pixels, rows, removal) => {
        const session = await (batched ??= openSession(whole, { threads, provider, place }));
        const feeds = feedsFor(removal.units);
        const all = new Float32Array(rows.length * classCount);
        for (let start = 0; start < rows.length; start += BATCH) {
          const count = Math.min(BATCH, rows.length - start);
          const images = pickImages(pixels, rows, { start, count });
          all.set(firstOutput(session, await session.run({ ...feeds, [input.name]: images })), start * classCount);
        }
        return all;
      };
      const route: PlainRoute = {
        logits: logitsOf,
        predict: async (pixels, rows, removal) => {
          const all = await logitsOf(pixels, rows, removal);
          const predictions = new Int32Array(rows.length);
          const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
          for (let i = 0; i < rows.length; i++) {
            readRow(all, i, { classCount, into: reading });
            predictions[i] = isTie(reading, model.tieTolerance, model.logitFloor)
              ? await reference.predict(pixels, rows[i], removal)
              : reading.prediction;
          }
          return predictions;
        },
        close: async () => undefined,
      };
      return { route, reference };
    },
    close: async () => {
      await (await batched)?.close();
      await (await single)?.close();
    },
  };
}
