/**
 * One ONNX Runtime session over a graph: typed arrays in, typed arrays out.
 *
 * `run` blocks the thread that calls it, so long work opens its sessions in a worker thread. Sessions are opened
 * once and kept: the runtime leaks memory when they are created and released again and again.
 */
import * as ort from "onnxruntime-node";
import { listAllowed, messageOf, UnitscopeError } from "../errors.ts";
import type { ElementType, Graph, TensorData } from "../onnx/graph.ts";
import { elementCount } from "../onnx/graph.ts";
import { writeModel } from "../onnx/model-file.ts";
import { collectGarbage } from "./collect-garbage.ts";

/** Where ONNX Runtime computes. CPU is tested here; CUDA and WebGPU are passed through and untested. */
export type Provider = "cpu" | "cuda" | "webgpu";

/** A value on its way in or out of a session, row-major. */
export interface Value<T extends TensorData = TensorData> {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: T;
}

/** Models above this are cleared out of memory around the opening of their session. */
const LARGE_BYTES = 32 << 20;

/** An opened graph. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the graph; `outputs` names the outputs to fetch (all when absent). */
  run(feeds: Readonly<Record<string, Value>>, outputs?: readonly string[]): Promise<Record<string, Value>>;
  /** Frees the session. */
  close(): Promise<void>;
}

/**
 * Opens a session.
 *
 * @param model a graph, or the bytes of a model file.
 * @param options.threads ONNX Runtime's threads inside an operator.
 * @param options.optimize graph optimisations; `extended` leaves out the blocked layout of images, `disabled` all.
 * @throws {UnitscopeError} `model` if the runtime refuses the graph.
 */
export async function openSession(
  model: Graph | Uint8Array,
  {
    threads = 1,
    provider = "cpu",
    optimize = "all",
    place = "model",
  }: {
    threads?: number;
    provider?: Provider;
    optimize?: "all" | "extended" | "disabled";
    place?: string;
  } = {},
): Promise<Session> {
  let bytes: Uint8Array | undefined = model instanceof Uint8Array ? model : writeModel(model);
  const isLarge = bytes.length > LARGE_BYTES;
  if (isLarge) collectGarbage();
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: provider === "cpu" ? ["cpu"] : [provider, "cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: optimize,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new UnitscopeError("model", `${place}: expected a graph that ONNX Runtime can run, got: ${oneLine(cause)}`, {
      cause,
    });
  }
  bytes = undefined;
  if (isLarge) collectGarbage();
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, outputs) {
      const tensors: Record<string, ort.Tensor> = {};
      for (const [name, value] of Object.entries(feeds)) tensors[name] = toTensor(name, value);
      let results: ort.InferenceSession.OnnxValueMapType;
      try {
        results = await session.run(tensors, outputs ?? session.outputNames);
      } catch (cause) {
        throw new UnitscopeError("model", `${place}: expected the graph to run, got: ${oneLine(cause)}`, { cause });
      }
      const values: Record<string, Value> = {};
      for (const [name, tensor] of Object.entries(results)) values[name] = fromTensor(name, tensor);
      return values;
    },
    close: () => session.release(),
  };
}

/** A float32 value. */
export function floatValue(dims: readonly number[], data: Float32Array): Value<Float32Array> {
  return { type: "float32", dims, data };
}

function toTensor(name: string, { type, dims, data }: Value): ort.Tensor {
  if (data.length !== elementCount(dims)) {
    throw new UnitscopeError(
      "internal",
      `internal: input "${name}": expected ${elementCount(dims)} elements for [${dims.join(", ")}], got ${data.length}`,
    );
  }
  const own = data.buffer instanceof SharedArrayBuffer ? data.slice() : data; // the runtime refuses shared memory
  return new ort.Tensor(type as "float32", own as Float32Array, dims);
}

const elementTypes: readonly string[] = ["float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"];

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
