/** ONNX Runtime in Node, as the runtime of sessions. */
import * as ort from "onnxruntime-node";
import { listAllowed, messageOf, UnitscopeError } from "../errors.ts";
import { typeNumbers } from "../onnx/element-types.ts";
import type { ElementType, TensorData } from "../onnx/graph.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { placeOnDevice } from "./device-values.ts";
import type { Provider, Runtime, Session, Value } from "./runtime.ts";
import { toTensor, toTensors } from "./tensors.ts";
import { holdUntilEnd } from "./thread-holdings.ts";
import { storeWeights } from "./weights-file.ts";

/** Models above this are cleared out of memory around the opening of their session. */
const LARGE_BYTES = 32 << 20;

/** What may lie about of the values of a network with large weights, which the collector hardly sees. */
const PASSED_BYTES = 64 << 20;

// The runtime's own lines on stderr say the same as the errors that it throws.
ort.env.logLevel = "fatal";

/**
 * Settings for networks of 8 bits. Where a rounded tensor meets an operator, the runtime puts both into one that computes
 * in whole numbers; whether it does depends on what else reads the tensor, which an ablation changes, and on processors
 * without VNNI its sums of products of 8 bits stop at 16 bits. Without that, and with exact sums where a file has such
 * operators itself, the numbers are those of the graph on every machine.
 */
const wholeNumbers = { disable_quant_qdq: "1", x64quantprecision: "1" };

/** `onnxruntime-node`. */
export const nodeRuntime: Runtime = {
  store: storeWeights,
  place: placeOnDevice,
  open: async (model, { threads, provider, optimize, place, weights }): Promise<Session> => {
    const isLarge = model.length > LARGE_BYTES;
    if (isLarge) collectGarbage();
    if (isLarge || provider !== "cpu") holdUntilEnd();
    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model, {
        executionProviders: provider === "cpu" ? ["cpu"] : [provider, "cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: optimize,
        logSeverityLevel: 4, // errors are thrown; an attempt to run a graph may fail
        extra: {
          // It takes a Range out of the graph whose values are fetched too, and ends the process.
          optimization: { disable_specified_optimizers: "GatherToSliceFusion" },
          session: {
            ...wholeNumbers,
            // Weights that are mapped stay as they are: packed for products, every session would have a copy of its own.
            ...(weights !== undefined && {
              model_external_initializers_file_folder_path: weights,
              disable_prepacking: "1",
            }),
          },
        },
      });
    } catch (cause) {
      if (provider !== "cpu") throwIfMissing(provider, cause);
      throw new UnitscopeError(
        "model",
        `${place}: expected a graph that ONNX Runtime can run, got: ${oneLine(cause)}`,
        { cause },
      );
    }
    if (isLarge) setImmediate(collectGarbage); // when the caller has let go of the bytes
    /** Bytes that have passed a session over large weights since garbage was last collected. */
    let passed = 0;
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      run: async (feeds, outputs = session.outputNames, into = {}) => {
        const tensors = toTensors(feeds, provider);
        const fetches: Record<string, ort.Tensor | null> = {};
        for (const name of outputs) fetches[name] = Object.hasOwn(into, name) ? toTensor(name, into[name]) : null;
        let results: ort.InferenceSession.OnnxValueMapType;
        try {
          results = await session.run(tensors, fetches);
        } catch (cause) {
          throw new UnitscopeError("model", `${place}: expected the graph to run, got: ${oneLine(cause)}`, { cause });
        }
        const values: Record<string, Value> = {};
        for (const name of Object.keys(results)) {
          const given = Object.hasOwn(into, name) ? into[name] : undefined;
          // What is in shared memory was copied on its way.
          const isThere = given !== undefined && fetches[name]?.data === given.data;
          values[name] = isThere ? given : fromTensor(name, results[name]);
        }
        if (weights !== undefined) {
          for (const { data } of [...Object.values(feeds), ...Object.values(values)]) passed += data.byteLength;
          if (passed > PASSED_BYTES) {
            passed = 0;
            setImmediate(collectGarbage);
          }
        }
        return values;
      },
      close: () => session.release(),
    };
  },
};

/** @throws {UnitscopeError} `usage` if what keeps a session from opening is that there is no such device. */
function throwIfMissing(provider: Exclude<Provider, "cpu">, cause: unknown): void {
  const message = oneLine(cause);
  if (provider === "webgpu" && /adapter|vulkan|device/i.test(message)) {
    throw new UnitscopeError(
      "usage",
      'option "provider": expected an adapter for webgpu, got none (on Linux it needs libvulkan.so.1 and a driver that it finds); see docs/gpu.md, or use cpu',
      { cause },
    );
  }
  if (provider === "cuda" && /shared library|load library|cuda|cudnn/i.test(message)) {
    throw new UnitscopeError(
      "usage",
      'option "provider": expected CUDA\'s part of ONNX Runtime and a device, got none; run: node node_modules/onnxruntime-node/script/install.js, see docs/gpu.md, or use cpu',
      { cause },
    );
  }
}

const elementTypes: readonly string[] = Object.keys(typeNumbers);

function fromTensor(name: string, tensor: ort.Tensor): Value {
  if (!elementTypes.includes(tensor.type)) {
    throw new UnitscopeError(
      "model",
      `output "${name}": expected element type ${listAllowed(elementTypes)}, got ${tensor.type}`,
    );
  }
  return { type: tensor.type as ElementType, dims: tensor.dims, data: tensor.data as unknown as TensorData };
}

/** The runtime's message as one line, without the place in its sources. */
function oneLine(cause: unknown): string {
  const line = messageOf(cause).replaceAll(/\s+/g, " ").trim();
  return line.replaceAll(/\/\S+\.(?:h|cc|cpp):\d+ .*?\) (?=[A-Z])/g, "");
}
