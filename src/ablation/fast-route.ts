/**
 * The fast way: run the images through the network once, keep what the suffixes start from, and for every unit compute
 * only what its removal changes.
 *
 * `prepare` runs the prefix over a block of images; a layer's `removeUnit` and `removeSet` (`fast-layer.ts`) give the
 * logits of chosen rows of the block with units gone. Logits differ from the plain route's by floating-point rounding only.
 */

import { withResponses } from "../onnx/response-views.ts";
import { imagesAtOnce } from "../runtime/images-at-once.ts";
import type { Model } from "../runtime/open-model.ts";
import { openPlacing } from "../runtime/placing.ts";
import { floatValue, openSession, type Provider, type Session, type Value } from "../runtime/session.ts";
import { type FastLayer, openFastLayer } from "./fast-layer.ts";
import { type FedResponses, fedInput } from "./fed-responses.ts";
import { type Pixels, pickImages } from "./plain-route.ts";
import { buildPrefix, fixedTwins, type PlannedLayer, type Prefix } from "./prefix-graph.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import type { buildSuffix } from "./suffix-graph.ts";

/** An opened fast route over several layers of one network. */
export interface FastRoute {
  readonly prefix: Prefix;
  readonly layers: readonly FastLayer[];
  /** @param fed responses for the layers that are planned with them. */
  prepare(pixels: Pixels, fed?: FedResponses): Promise<PreparedBlock>;
  close(): Promise<void>;
}

/** Images that the prefix runs at once: small, so that activations stay in the cache. */
const PREFIX_BATCH = 16;

/** Opens sessions for the prefix and, when first needed, for each layer's suffix. */
export async function openFastRoute(
  model: Model,
  planned: readonly PlannedLayer[],
  {
    threads = 1,
    provider = "cpu",
    observed = [],
    norms = true,
  }: {
    threads?: number;
    provider?: Provider;
    observed?: readonly string[];
    /** Whether the norms of changes are asked for, which certificates need. */
    norms?: boolean;
  } = {},
): Promise<FastRoute> {
  const { graph, logits } = model;
  const { shapes, rows } = model;
  const place = `model "${model.name}"`;
  const prefix = buildPrefix(observed.length > 0 ? withResponses(model) : graph, planned, {
    logits,
    shapes,
    rows,
    observed,
    norms,
  });
  const session = await openSession(prefix.graph, { threads, provider, place });
  const opened: Session[] = [session];
  const open = async (suffix: ReturnType<typeof buildSuffix>): Promise<Session> => {
    // The blocked layout pays for convolutions; without one it only costs the way there and back.
    const optimize = suffix.nodes.some((node) => node.op === "Conv") ? "all" : "extended";
    const each = await openSession(suffix, { threads, provider, optimize, place });
    opened.push(each);
    return each;
  };
  const fixed = await computeFixed(prefix);
  const placings = planned.map(() => openPlacing(provider));
  const layers = planned.map((layer, index) =>
    openFastLayer(model, layer, prefix.layers[index], { fixed, open, provider, placing: placings[index] }),
  );
  return {
    prefix,
    layers,
    prepare: async (pixels, fed) => {
      const tensors = await runInBatches(session, model, pixels, fed);
      const block = tensors.get(logits) as BlockTensor;
      // The whole network starts from the images.
      if (planned.some(({ plan }) => plan.whole !== null)) {
        tensors.set(model.input.name, { dims: [pixels.count, ...pixels.imageDims], data: pixels.data });
      }
      return { count: pixels.count, logits: block.data, tensors };
    },
    close: async () => {
      for (const placing of placings) placing.forget();
      for (const each of opened) await each.close();
    },
  };
}

/** Runs a graph over the images in small batches, or batches of the network's own size; outputs are joined. */
export async function runInBatches(
  session: Session,
  { input, batch, shapes }: Pick<Model, "input" | "batch" | "shapes">,
  pixels: Pixels,
  fed: FedResponses = new Map(),
): Promise<Map<string, BlockTensor>> {
  const joined = new Map<string, { dims: number[]; batchDims: readonly number[]; data: Float32Array }>();
  const rows = Int32Array.from({ length: pixels.count }, (_, i) => i);
  const size = imagesAtOnce({ batch, shapes }, PREFIX_BATCH);
  for (let start = 0; start < pixels.count; start += size) {
    const count = Math.min(size, pixels.count - start);
    const feeds: Record<string, Value> = { [input.name]: pickImages(pixels, rows, { start, count, batch }) };
    for (const [tap, { dims, data }] of fed) {
      const name = fedInput(tap);
      const from = { count: pixels.count, imageDims: dims.slice(1), data };
      if (session.inputNames.includes(name)) feeds[name] = pickImages(from, rows, { start, count, batch });
    }
    // Behind the first batch it is known where outputs go: those of as many images are written there at once.
    const into: Record<string, Value> = {};
    if (start > 0 && count === size && count === (batch ?? count)) {
      for (const [name, { data, batchDims }] of joined) {
        const each = data.length / pixels.count;
        into[name] = floatValue(batchDims, data.subarray(start * each, (start + count) * each));
      }
    }
    const results = await session.run(feeds, session.outputNames, into);
    for (const [name, { dims, data }] of Object.entries(results)) {
      const each = data.length / (batch ?? count);
      let whole = joined.get(name);
      if (!whole) {
        const dimsOfAll = [pixels.count, ...dims.slice(1)];
        whole = { dims: dimsOfAll, batchDims: dims, data: new Float32Array(pixels.count * each) };
        joined.set(name, whole);
      }
      if (data !== into[name]?.data) whole.data.set((data as Float32Array).subarray(0, count * each), start * each);
    }
  }
  return joined;
}

/** Replaced tensors that do not depend on the image, computed once. */
async function computeFixed(prefix: Prefix): Promise<Map<string, BlockTensor>> {
  const names = [
    ...new Set(
      prefix.layers.flatMap(({ carried }) => carried.filter((port) => port.isFixed).map((port) => port.replaced)),
    ),
  ];
  const fixed = new Map<string, BlockTensor>();
  for (const name of names) {
    const constant = prefix.twins.constants.get(name);
    if (constant) fixed.set(name, { dims: constant.dims, data: constant.data as Float32Array });
  }
  const computed = names.filter((name) => !fixed.has(name));
  if (computed.length > 0) {
    const session = await openSession(fixedTwins(prefix.twins, computed));
    for (const [name, { dims, data }] of Object.entries(await session.run({}))) {
      fixed.set(name, { dims, data: data as Float32Array });
    }
    await session.close();
  }
  return fixed;
}
