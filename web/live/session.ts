/**
 * Sessions in the browser, with the interface of `src/runtime/session.ts`: the build puts this file in its place, so
 * that the graphs of an ablation run here through the very same code as on the command line.
 *
 * The WebAssembly comes as a chunk, because a page that was opened from disk may fetch nothing; threads only where the
 * page is served with the headers that allow them.
 */
import * as ort from "onnxruntime-web/wasm";
import { messageOf, UnitscopeError } from "../../src/errors.ts";
import { elementCount, type Graph, type TensorData } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import type { Provider, Session, Value } from "../../src/runtime/session.ts";
import { loadChunk } from "../data/chunks.ts";

export type { Provider, Session, Value };

let starting: Promise<void> | undefined;
/** The runtime works on one thing at a time. */
let queue: Promise<unknown> = Promise.resolve();

/** Opens a session over a graph or the bytes of a model. @throws {UnitscopeError} `model` if it is refused. */
export async function openSession(
  model: Graph | Uint8Array,
  {
    place = "model",
    optimize = "all",
  }: { threads?: number; provider?: Provider; optimize?: "all" | "extended" | "disabled"; place?: string } = {},
): Promise<Session> {
  await (starting ??= start());
  const bytes = model instanceof Uint8Array ? model : writeModel(model);
  const session = await inTurn(async () => {
    try {
      return await ort.InferenceSession.create(bytes, {
        executionProviders: ["wasm"],
        graphOptimizationLevel: optimize,
        logSeverityLevel: 3,
      });
    } catch (cause) {
      throw new UnitscopeError(
        "model",
        `${place}: expected a graph that ONNX Runtime can run, got: ${messageOf(cause)}`,
        { cause },
      );
    }
  });
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (feeds, outputs) =>
      inTurn(async () => {
        const tensors: Record<string, ort.Tensor> = {};
        for (const [name, { type, dims, data }] of Object.entries(feeds)) {
          if (data.length !== elementCount(dims)) {
            throw new UnitscopeError(
              "internal",
              `internal: input "${name}": expected ${elementCount(dims)} elements, got ${data.length}`,
            );
          }
          tensors[name] = new ort.Tensor(type as "float32", data as Float32Array, dims as number[]);
        }
        const results = await session.run(tensors, [...(outputs ?? session.outputNames)]);
        const values: Record<string, Value> = {};
        for (const [name, tensor] of Object.entries(results)) {
          values[name] = {
            type: tensor.type as "float32",
            dims: tensor.dims,
            data: tensor.data as unknown as TensorData,
          };
        }
        return values;
      }),
    close: () => inTurn(() => session.release()),
  };
}

/** A float32 value. */
export function floatValue(dims: readonly number[], data: Float32Array): Value<Float32Array> {
  return { type: "float32", dims, data };
}

async function start(): Promise<void> {
  const { arrays } = await loadChunk("ort-wasm", "runtime");
  const wasm = arrays["wasm"] as Uint8Array<ArrayBuffer>;
  ort.env.wasm.wasmBinary = wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength);
  const mayThread = globalThis.crossOriginIsolated === true && location.protocol.startsWith("http");
  ort.env.wasm.numThreads = mayThread ? Math.min(4, navigator.hardwareConcurrency) : 1;
  if (mayThread) ort.env.wasm.wasmPaths = { mjs: new URL("runtime/ort-wasm-simd-threaded.mjs", document.baseURI).href };
}

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = queue.then(work, work);
  queue = result.catch(() => undefined);
  return result;
}
