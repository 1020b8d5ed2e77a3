/** Work that runs the network with its taps as outputs, and observes or fetches the responses. */

import { UnitscopeError } from "../errors.ts";
import { type Observed, observedBuffers } from "../responses/observed.ts";
import { createObserver, type ObservedShape } from "../responses/observer.ts";
import { softmaxRows } from "../responses/softmax.ts";
import { floatValue, openSession, type Session, type Value } from "../runtime/session.ts";
import type { Work } from "../runtime/work.ts";

/** What a worker needs once. */
export interface ResponseSetup {
  /** The model's bytes, cut to the taps and the logits; in shared memory. */
  readonly model: Uint8Array;
  readonly input: string;
  readonly logits: string;
  readonly layers: readonly (ObservedShape & { readonly tap: string })[];
  readonly classCount: number;
  readonly imageCount: number;
  readonly topImages: number;
  readonly tailFraction: number;
  /** Images of one run of the network. */
  readonly batchSize: number;
}

/** Consecutive preprocessed images. */
interface Pixels {
  readonly pixels: Float32Array;
  /** The first dimension counts the images. */
  readonly dims: readonly number[];
}

/** Observe: everything of the images from `start` on. Fetch: single responses, of image `at` of the pixels. */
export type ResponseTask =
  | (Pixels & { readonly kind: "observe"; readonly start: number })
  | (Pixels & { readonly kind: "fetch"; readonly wanted: readonly WantedResponse[] });

/** One response: of which image of the task, of which layer and unit. In ascending order of `at`. */
export interface WantedResponse {
  readonly at: number;
  readonly layer: number;
  readonly unit: number;
}

/** What comes back. */
export type ResponseAnswer =
  | { readonly kind: "observe"; readonly observed: Observed }
  | { readonly kind: "fetch"; readonly responses: readonly Float32Array[] };

/** Observes or fetches. */
export const responseWork: Work<ResponseSetup, ResponseTask, ResponseAnswer> = {
  module: import.meta.url,
  name: "responseWork",
  open: async (setup) => {
    const session = await openSession(setup.model.slice());
    const observer = createObserver(setup);
    return async (task): Promise<ResponseAnswer> => {
      if (task.kind === "fetch") {
        return { kind: "fetch", responses: await fetchResponses(session, setup, task, task.wanted) };
      }
      const outputs = [...new Set([setup.logits, ...setup.layers.map(({ tap }) => tap)])];
      for await (const { first, count, values } of runBatches(session, setup, task, outputs)) {
        const start = task.start + first;
        observer.observe({
          start,
          count,
          probabilities: softmaxRows(responsesOf(values, setup.logits), setup.classCount, start),
          responses: setup.layers.map(({ tap }) => responsesOf(values, tap)),
        });
      }
      return { kind: "observe", observed: observer.take() };
    };
  },
  buffers: (answer) =>
    answer.kind === "observe"
      ? observedBuffers(answer.observed)
      : answer.responses.map(({ buffer }) => buffer as ArrayBuffer),
};

interface Batch {
  readonly first: number;
  readonly count: number;
  readonly values: Record<string, Value>;
}

async function* runBatches(
  session: Session,
  { input, batchSize }: ResponseSetup,
  { pixels, dims }: Pixels,
  outputs: readonly string[],
): AsyncGenerator<Batch> {
  const [total = 0, ...shape] = dims;
  const size = pixels.length / total;
  for (let first = 0; first < total; first += batchSize) {
    const count = Math.min(batchSize, total - first);
    const part = pixels.subarray(first * size, (first + count) * size);
    yield { first, count, values: await session.run({ [input]: floatValue([count, ...shape], part) }, outputs) };
  }
}

async function fetchResponses(
  session: Session,
  setup: ResponseSetup,
  pixels: Pixels,
  wanted: readonly WantedResponse[],
): Promise<Float32Array[]> {
  const fetched: Float32Array[] = [];
  const outputs = [...new Set(wanted.map(({ layer }) => setup.layers[layer].tap))];
  for await (const { first, count, values } of runBatches(session, setup, pixels, outputs)) {
    while (fetched.length < wanted.length) {
      const { at, layer, unit } = wanted[fetched.length];
      if (at >= first + count) break;
      const { tap, units, height, width } = setup.layers[layer];
      const start = ((at - first) * units + unit) * height * width;
      fetched.push(responsesOf(values, tap).slice(start, start + height * width));
    }
  }
  return fetched;
}

function responsesOf(values: Readonly<Record<string, Value>>, tensor: string): Float32Array {
  const value = values[tensor];
  if (value?.data instanceof Float32Array) return value.data;
  throw new UnitscopeError("model", `tensor "${tensor}": expected float32, got ${value?.type ?? "nothing"}`);
}
