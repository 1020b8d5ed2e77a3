/**
 * Opens sessions over graphs, whatever runtime computes them: Node's is opened when none was chosen, a page chooses its
 * own. `run` blocks the thread that calls it, so long work opens its sessions in a worker thread. Sessions are opened once
 * and kept: the runtimes leak memory when they are created and released again and again.
 */
import type { Graph } from "../onnx/graph.ts";
import { writeModel } from "../onnx/model-file.ts";
import { checkedOnce } from "./device-check.ts";
import type { Placed, Provider, Runtime, Session, SessionOptions, Value } from "./runtime.ts";

export type { Provider, Session, Value } from "./runtime.ts";

/** Models with more weights than this name them instead of holding them, where the runtime can share them. */
const LARGE_MODEL = 32 << 20;
/** Only tensors of more bytes than this: small ones are read while the graph is optimised. */
const LARGE_TENSOR = 1 << 16;

let chosen: Runtime | undefined;

/**
 * Chooses the runtime of all sessions of this thread that are opened from here on; `onnxruntime-node` by default.
 * @public
 */
export function useRuntime(runtime: Runtime): void {
  chosen = runtime;
}

/** Loads the runtime, where that was not done; sessions are opened sooner then. */
export async function loadRuntime(): Promise<void> {
  await chosenRuntime();
}

async function chosenRuntime(): Promise<Runtime> {
  return (chosen ??= (await import("./node-runtime.ts")).nodeRuntime);
}

/**
 * Opens a session. On a device, what its first run gives is compared with the CPU's.
 *
 * @param model a graph, or the bytes of a model file.
 * @throws {UnitscopeError} `model` if the runtime refuses the graph.
 */
export async function openSession(
  model: Graph | Uint8Array,
  { threads = 1, provider = "cpu", optimize = "all", place = "model" }: Partial<SessionOptions> = {},
): Promise<Session> {
  const runtime = await chosenRuntime();
  const open = async (where: Provider): Promise<Session> => {
    const options = { threads, provider: where, optimize, place };
    if (model instanceof Uint8Array) return await runtime.open(model, options);
    const large = [...model.constants.values()]
      .map(({ data }) => data)
      .filter((data) => data.byteLength > LARGE_TENSOR);
    const isLarge = where === "cpu" && large.reduce((sum, { byteLength }) => sum + byteLength, 0) > LARGE_MODEL;
    const outside = (isLarge && runtime.store?.(large)) || undefined;
    const bytes = writeModel(model, { outside });
    return await runtime.open(bytes, { ...options, weights: outside?.folder });
  };
  const session = await open(provider);
  return provider === "cpu" ? session : checkedOnce(session, { provider, place, openOnCpu: () => open("cpu") });
}

/** Copies values to a device, for all sessions there; undefined where they cannot be held there. */
export async function place(values: Readonly<Record<string, Value>>, provider: Provider): Promise<Placed | undefined> {
  return await (await chosenRuntime()).place?.(values, provider);
}

/** A float32 value. */
export function floatValue(dims: readonly number[], data: Float32Array): Value<Float32Array> {
  return { type: "float32", dims, data };
}
