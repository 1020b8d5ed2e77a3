/**
 * The run's network in the page: logits, response maps, and which units would flip an image.
 *
 * One session is the reference of the command line: the whole network, one image, a switch behind every layer. Removing
 * units sets switches, so any units of any layers go together. Trying every unit of a layer is the command line's fast
 * route instead: what comes before the layer once, then per unit only what its removal changes; predictions that are
 * close to a tie are settled by the reference, ties by the lowest class.
 */
import { type FastRoute, openFastRoute } from "../../src/ablation/fast-route.ts";
import { plainGraph, type SwitchedTensor } from "../../src/ablation/plain-graph.ts";
import { maskFeeds, pickImages } from "../../src/ablation/plain-route.ts";
import { type Reading, readRow } from "../../src/ablation/predictions.ts";
import { planSuffix, unitPlace } from "../../src/ablation/suffix-plan.ts";
import type { Graph, Port } from "../../src/onnx/graph.ts";
import { readModel } from "../../src/onnx/model-file.ts";
import type { LiveData, LiveLayer, RunData } from "../../src/report/page-data.ts";
import type { Model } from "../../src/runtime/model.ts";
import { prepareModel } from "../../src/runtime/prepare-model.ts";
import { openSession, useRuntime, type Value } from "../../src/runtime/session.ts";
import { loadChunk } from "../data/chunks.ts";
import { pending } from "../data/pending.ts";
import { browserRuntime } from "./browser-runtime.ts";
import { unitsOf } from "./removed.ts";
import { unitMaps } from "./unit-maps.ts";

/** Units that are removed, by layer name. */
export type Removed = Readonly<Record<string, readonly number[]>>;

/** What the network says to an image. */
export interface Answer {
  /** `[classes]`. */
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
  /** The lowest class with the largest logit. */
  readonly prediction: number;
  /** Responses of the layer that was asked for, `[units, height, width]`. */
  readonly responses: Float32Array | undefined;
  readonly elapsedMs: number;
}

/** A unit whose removal changes the prediction of an image. */
export interface Flip {
  readonly unit: number;
  readonly prediction: number;
}

/** The network of a run. */
export interface Network {
  /**
   * The answer to one image, float32 as the network's input, with units removed.
   * @param layer whose responses to give.
   */
  answer(input: Float32Array, removed: Removed, layer?: string): Promise<Answer>;
  /** Every unit of a layer whose removal alone changes the prediction; `logits` are those of each unit's removal. */
  flips(input: Float32Array, layer: string): Promise<{ flips: Flip[]; logits: Float32Array; elapsedMs: number }>;
}

useRuntime(browserRuntime);

const opened = new Map<string, Promise<Network>>();

/** Opens a run's network; once. */
export function openNetwork(run: RunData): Promise<Network> {
  const { live } = run;
  if (!live) return Promise.reject(new Error(`run ${run.label}: expected its network in the page, got none`));
  const known = opened.get(live.model);
  if (known) return known;
  const network = pending(open(run, live));
  opened.set(live.model, network);
  return network;
}

async function open(run: RunData, live: LiveData): Promise<Network> {
  const { arrays } = await loadChunk(live.model);
  const model = await openNetworkFile(arrays["onnx"] as Uint8Array, run.model);
  const { classCount, input } = model;
  const switched = live.layers.map(({ tap }) => unitPlace(model, tap));
  const reference = await openSession(withTaps(plainGraph(model.graph, switched), switched));
  const [logitsName = ""] = reference.outputNames;
  const { channels, height, width } = input;
  const imageDims = input.layout === "nchw" ? [channels, height, width] : [height, width, channels];
  const layerOf = (name: string): LiveLayer => {
    const layer = live.layers.find((each) => each.name === name);
    if (!layer) throw new Error(`layer ${name}: expected one of the network's, got none`);
    return layer;
  };
  const ask = async (pixels: Float32Array, removed: Removed, tap?: string): Promise<Record<string, Value>> => {
    const image = { count: 1, imageDims, data: pixels };
    const feeds: Record<string, Value> = {
      [input.name]: pickImages(image, [0], { start: 0, count: 1, batch: model.batch }),
    };
    live.layers.forEach((layer, at) => {
      const place = switched[at] as SwitchedTensor;
      const units = unitsOf(removed, layer.name);
      const removal = { tap: layer.tap, units, replacement: replacementOf(layer) };
      Object.assign(feeds, maskFeeds(place, removal, { rows: [0], start: 0, count: 1 }));
    });
    return await reference.run(feeds, tap === undefined ? [logitsName] : [logitsName, tap]);
  };
  const logitsOf = (results: Record<string, Value>): Float32Array => {
    const { data } = results[logitsName] as Value<Float32Array>;
    return data.subarray(0, classCount);
  };
  const read = (logits: Float32Array, row: number): Reading =>
    readRow(logits, row, { classCount, into: { prediction: 0, margin: 0, scale: 0 } });
  const routes = new Map<string, Promise<FastRoute>>();
  /** Logits of every unit's removal alone, `[units, classes]`. */
  const everyUnit = async (pixels: Float32Array, layer: LiveLayer): Promise<Float32Array> => {
    const all = new Float32Array(layer.units * classCount);
    const plan = planSuffix(model, layer.tap);
    if (plan.whole !== undefined) {
      for (let unit = 0; unit < layer.units; unit++) {
        all.set(logitsOf(await ask(pixels, { [layer.name]: [unit] })), unit * classCount);
      }
      return all;
    }
    const opening = routes.get(layer.name) ?? openFastRoute(model, [{ plan, replacement: replacementOf(layer) }]);
    routes.set(layer.name, opening);
    const route = await opening;
    const block = await route.prepare({ count: 1, imageDims, data: pixels });
    for (let unit = 0; unit < layer.units; unit++) {
      const own = await route.layers[0]?.removeUnit(block, unit, Int32Array.of(0));
      if (own) all.set(own, unit * classCount);
    }
    return all;
  };
  return {
    answer: async (pixels, removed, name) => {
      const started = performance.now();
      const layer = name === undefined ? undefined : layerOf(name);
      const results = await ask(pixels, removed, layer?.tap);
      const logits = logitsOf(results);
      const response = layer && results[layer.tap];
      return {
        logits,
        probabilities: softmax(logits),
        prediction: read(logits, 0).prediction,
        responses: layer && response ? unitMaps(response, unitPlace(model, layer.tap), layer) : undefined,
        elapsedMs: performance.now() - started,
      };
    },
    flips: async (pixels, name) => {
      const started = performance.now();
      const layer = layerOf(name);
      const before = read(logitsOf(await ask(pixels, {})), 0).prediction;
      const logits = await everyUnit(pixels, layer);
      const flips: Flip[] = [];
      for (let unit = 0; unit < layer.units; unit++) {
        const { margin, scale, prediction: quick } = read(logits, unit);
        let prediction = quick;
        if (!(margin > model.tieTolerance * scale)) {
          prediction = read(logitsOf(await ask(pixels, { [name]: [unit] })), 0).prediction;
        }
        if (prediction !== before) flips.push({ unit, prediction });
      }
      return { flips, logits, elapsedMs: performance.now() - started };
    },
  };
}

/** Opens the run's model file as the command line does. */
async function openNetworkFile(bytes: Uint8Array, { name, sha256 }: RunData["model"]): Promise<Model> {
  const place = `model "${name}"`;
  const prepared = await prepareModel(readModel(bytes, place), {
    place,
    run: async (graph, feeds) => {
      const session = await openSession(graph, { place });
      const results: Record<string, Value>[] = [];
      for (const each of feeds) results.push(await session.run(each));
      await session.close();
      return results;
    },
  });
  return { name, sha256, ...prepared };
}

/** The graph with every tap among its outputs, the logits first. */
function withTaps(graph: Graph, switched: readonly SwitchedTensor[]): Graph {
  const [logits] = graph.outputs;
  const taps = switched.map(({ tap }): Port => ({ name: tap, type: "float32", shape: null }));
  return { ...graph, outputs: [logits as Port, ...taps] };
}

function replacementOf(layer: LiveLayer): Float32Array {
  return layer.replacement ? Float32Array.from(layer.replacement) : new Float32Array(layer.units);
}

/** Probabilities of logits. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
