/**
 * Tensors that stay on a device: what many runs are fed with is copied there once. The runtime takes such tensors from any
 * session's outputs, so a graph that gives back its input puts them there.
 */
import * as ort from "onnxruntime-node";
import { node } from "../onnx/graph.ts";
import { writeModel } from "../onnx/model-file.ts";
import type { Placed, Provider, Value } from "./runtime.ts";
import { toTensor } from "./tensors.ts";

/** Where the runtime can hold tensors for other sessions: it has no such place for CUDA. */
const places: Partial<Record<Provider, "gpu-buffer">> = { webgpu: "gpu-buffer" };

let copying: Promise<ort.InferenceSession> | undefined;

/** The values on the device; undefined where the runtime cannot hold them there. Only float32 is moved. */
export async function placeOnDevice(
  values: Readonly<Record<string, Value>>,
  provider: Provider,
): Promise<Placed | undefined> {
  const place = places[provider];
  if (place === undefined) return undefined;
  copying ??= ort.InferenceSession.create(copyGraph(), {
    executionProviders: [provider, "cpu"],
    preferredOutputLocation: place,
    logSeverityLevel: 4,
  });
  const session = await copying;
  const placed: Record<string, Value> = {};
  const tensors: ort.Tensor[] = [];
  const free = (): void => {
    for (const tensor of tensors) tensor.dispose();
  };
  try {
    for (const [name, value] of Object.entries(values)) {
      placed[name] = value;
      if (value.type !== "float32" || value.data.length === 0) continue;
      const results = await session.run({ x: toTensor(name, value) });
      tensors.push(results["y"]);
      placed[name] = { ...value, onDevice: results["y"] };
    }
  } catch {
    free(); // what the device has no room for is copied for every run, and a run says what else is wrong with it
    return undefined;
  }
  return { values: placed, free };
}

function copyGraph(): Uint8Array {
  return writeModel({
    name: "copy",
    inputs: [{ name: "x", type: "float32", shape: null }],
    outputs: [{ name: "y", type: "float32", shape: null }],
    nodes: [node("Identity", ["x"], ["y"])],
    constants: new Map(),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
  });
}
