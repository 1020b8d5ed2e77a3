/**
 * ONNX Runtime in the browser, as the runtime of sessions: the graphs of an ablation run here through the very same code
 * as on the command line.
 *
 * The WebAssembly comes as a chunk, because a page that was opened from disk may fetch nothing; threads only where the
 * page is served with the headers that allow them.
 */
import * as ort from "onnxruntime-web/wasm";
import { messageOf, UnitscopeError } from "../../src/errors.ts";
import { elementCount, type TensorData } from "../../src/onnx/graph.ts";
import type { Runtime, Value } from "../../src/runtime/runtime.ts";
import { loadChunk } from "../data/chunks.ts";

let starting: Promise<void> | undefined;
/** The runtime works on one thing at a time. */
let queue: Promise<unknown> = Promise.resolve();

/** `onnxruntime-web`, on the processor. */
export const browserRuntime: Runtime = {
  open: async (model, { optimize, place }) => {
    await (starting ??= start());
    const session = await inTurn(async () => {
      try {
        return await ort.InferenceSession.create(model, {
          executionProviders: ["wasm"],
          graphOptimizationLevel: optimize,
          logSeverityLevel: 3,
          extra: {
            session: { disable_quant_qdq: "1" }, // the numbers of networks of 8 bits are then those of Node's
            optimization: { disable_specified_optimizers: "GatherToSliceFusion" }, // see src/runtime/node-runtime.ts
          },
        });
      } catch (cause) {
        const message = `${place}: expected a graph that ONNX Runtime can run, got: ${messageOf(cause)}`;
        throw new UnitscopeError("model", message, { cause });
      }
    });
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: (feeds, outputs) =>
        inTurn(async () => {
          const tensors = Object.fromEntries(
            Object.entries(feeds).map(([name, value]) => [name, toTensor(name, value)]),
          );
          const results = await session.run(tensors, [...(outputs ?? session.outputNames)]);
          const values: Record<string, Value> = {};
          for (const [name, tensor] of Object.entries(results)) {
            const data = tensor.data as unknown as TensorData;
            values[name] = { type: tensor.type as "float32", dims: tensor.dims, data };
          }
          return values;
        }),
      close: () => inTurn(() => session.release()),
    };
  },
};

function toTensor(name: string, { type, dims, data }: Value): ort.Tensor {
  if (data.length !== elementCount(dims)) {
    const message = `internal: input "${name}": expected ${elementCount(dims)} elements, got ${data.length}`;
    throw new UnitscopeError("internal", message);
  }
  return new ort.Tensor(type as "float32", data as Float32Array, dims as number[]);
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
