/**
 * The run's network in the page: logits, response maps, and which units would flip an image.
 *
 * One session is the reference of the command line: the whole network, one image, a switch behind every layer. Removing
 * units sets switches, so any units of any layers go together. Trying every unit of a layer is the command line's fast
 * route instead: what comes before the layer once, then per unit only what its removal changes; predictions that are
 * close to a tie are settled by the reference, ties by the lowest class.
 */
import { type FastRoute, openFastRoute } from "../../src/ablation/fast-route.ts";
import {
  keepInput,
  maskShape,
  plainGraph,
  replacementInput,
  type SwitchedTensor,
} from "../../src/ablation/plain-graph.ts";
import { isTie, type Reading, readRow } from "../../src/ablation/predictions.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import type { Graph, Port } from "../../src/onnx/graph.ts";
import { readModel } from "../../src/onnx/model-file.ts";
import { inferShapes } from "../../src/onnx/shapes.ts";
import type { LiveData, LiveLayer, RunData } from "../../src/report/page-data.ts";
import type { Model } from "../../src/runtime/open-model.ts";
import { floatValue, openSession, useRuntime, type Value } from "../../src/runtime/session.ts";
import { loadChunk } from "../data/chunks.ts";
import { browserRuntime } from "./browser-runtime.ts";

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
  const network = open(run, live);
  opened.set(live.model, network);
  return network;
}

async function open(run: RunData, live: LiveData): Promise<Network> {
  const { arrays } = await loadChunk(live.model);
  const graph = readModel(arrays["onnx"] as Uint8Array, run.model.name);
  const shapes = inferShapes(graph);
  const classCount = run.classNames.length;
  const switched = live.layers.map(
    ({ tap, units }): SwitchedTensor => ({ tap, units, rank: shapes.get(tap)?.length ?? 4 }),
  );
  const reference = await openSession(withTaps(plainGraph(graph, switched), switched));
  const imageDims =
    live.input.layout === "nchw"
      ? [live.input.channels, live.input.height, live.input.width]
      : [live.input.height, live.input.width, live.input.channels];
  const ask = async (input: Float32Array, removed: Removed, layer?: LiveLayer): Promise<Record<string, Value>> => {
    const feeds: Record<string, Value> = { [live.input.name]: floatValue([1, ...imageDims], input) };
    live.layers.forEach((each, at) =>
      Object.assign(feeds, masks(switched[at] as SwitchedTensor, each, removed[each.name] ?? [])),
    );
    return await reference.run(feeds, [reference.outputNames[0] as string, ...(layer ? [layer.tap] : [])]);
  };
  const routes = new Map<string, Promise<FastRoute>>();
  const routeOf = (layer: LiveLayer): Promise<FastRoute> => {
    const known = routes.get(layer.name);
    if (known) return known;
    const plan = planSuffix(graph, layer.tap, { logits: live.logits, shapes });
    const model: Pick<Model, "graph" | "logits" | "classCount" | "name" | "input"> = {
      graph,
      logits: live.logits,
      classCount,
      name: run.model.name,
      input: live.input,
    };
    const route = openFastRoute(model as Model, [{ plan, replacement: replacementOf(layer) }]);
    routes.set(layer.name, route);
    return route;
  };
  const layerOf = (name: string | undefined): LiveLayer | undefined => live.layers.find((each) => each.name === name);
  const read = (logits: Float32Array, row: number): Reading =>
    readRow(logits, row, { classCount, into: { prediction: 0, margin: 0, scale: 0 } });
  return {
    answer: async (input, removed, name) => {
      const started = performance.now();
      const layer = layerOf(name);
      const results = await ask(input, removed, layer);
      const logits = results[reference.outputNames[0] as string]?.data as Float32Array;
      return {
        logits,
        probabilities: softmax(logits),
        prediction: read(logits, 0).prediction,
        responses: layer ? (results[layer.tap]?.data as Float32Array | undefined) : undefined,
        elapsedMs: performance.now() - started,
      };
    },
    flips: async (input, name) => {
      const started = performance.now();
      const layer = layerOf(name) as LiveLayer;
      const route = await routeOf(layer);
      const block = await route.prepare({ count: 1, imageDims, data: input });
      const settle = async (logits: Float32Array, row: number, removed: Removed): Promise<number> => {
        const reading = read(logits, row);
        if (!isTie(reading)) return reading.prediction;
        const settled = (await ask(input, removed))[reference.outputNames[0] as string]?.data as Float32Array;
        return read(settled, 0).prediction;
      };
      const before = await settle(block.logits, 0, {});
      const logits = new Float32Array(layer.units * classCount);
      const flips: Flip[] = [];
      for (let unit = 0; unit < layer.units; unit++) {
        const own = (await route.layers[0]?.removeUnit(block, unit, Int32Array.of(0))) as Float32Array;
        logits.set(own, unit * classCount);
        const prediction = await settle(logits, unit, { [layer.name]: [unit] });
        if (prediction !== before) flips.push({ unit, prediction });
      }
      return { flips, logits, elapsedMs: performance.now() - started };
    },
  };
}

/** The graph with every tap among its outputs, the logits first. */
function withTaps(graph: Graph, switched: readonly SwitchedTensor[]): Graph {
  const [logits] = graph.outputs;
  const taps = switched.map(({ tap }): Port => ({ name: tap, type: "float32", shape: null }));
  return { ...graph, outputs: [logits as Port, ...taps] };
}

function masks(tensor: SwitchedTensor, layer: LiveLayer, removed: readonly number[]): Record<string, Value> {
  const keep = new Uint8Array(tensor.units).fill(1);
  for (const unit of removed) keep[unit] = 0;
  const dims = maskShape(tensor);
  return {
    [keepInput(tensor.tap)]: { type: "bool", dims, data: keep },
    [replacementInput(tensor.tap)]: floatValue(dims, replacementOf(layer)),
  };
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
