/** Values as `onnxruntime-node` takes them. */
import * as ort from "onnxruntime-node";
import { UnitscopeError } from "../errors.ts";
import { elementCount } from "../onnx/graph.ts";
import type { Provider, Value } from "./runtime.ts";

/** Values as the runtime takes them; those that lie on its device as they are. */
export function toTensors(feeds: Readonly<Record<string, Value>>, provider: Provider): Record<string, ort.Tensor> {
  const tensors: Record<string, ort.Tensor> = {};
  for (const name of Object.keys(feeds)) {
    const value = feeds[name];
    const isThere = provider !== "cpu" && value.onDevice !== undefined;
    tensors[name] = isThere ? (value.onDevice as ort.Tensor) : toTensor(name, value);
  }
  return tensors;
}

/** A value in the runtime's form, over the same memory where that is not shared. */
export function toTensor(name: string, { type, dims, data }: Value): ort.Tensor {
  if (data.length !== elementCount(dims)) {
    throw new UnitscopeError(
      "internal",
      `internal: input "${name}": expected ${elementCount(dims)} elements for [${dims.join(", ")}], got ${data.length}`,
    );
  }
  const own = data.buffer instanceof SharedArrayBuffer ? data.slice() : data; // the runtime refuses shared memory
  return new ort.Tensor(type as "float32", own as Float32Array, dims);
}
