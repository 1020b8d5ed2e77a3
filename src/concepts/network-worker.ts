/** Work that runs the network up to one tap, one image at a time, so that nothing depends on the order. */

import { UnitscopeError } from "../errors.ts";
import { floatValue, openSession } from "../runtime/session.ts";
import type { Work } from "../runtime/work.ts";

/** What a worker needs once. */
export interface NetworkSetup {
  /** The model's bytes, cut to the tap; in shared memory. */
  readonly model: Uint8Array;
  readonly input: string;
  readonly tap: string;
  /** The runtime's threads inside an operator. */
  readonly threads: number;
}

/** One preprocessed image. */
export interface NetworkTask {
  readonly pixels: Float32Array;
  readonly dims: readonly number[];
}

/** Responses of one image a task. */
export const networkWork: Work<NetworkSetup, NetworkTask, Float32Array> = {
  module: import.meta.url,
  name: "networkWork",
  open: async ({ model, input, tap, threads }) => {
    const session = await openSession(model.slice(), { threads });
    return async ({ pixels, dims }) => {
      const { [tap]: value } = await session.run({ [input]: floatValue(dims, pixels) }, [tap]);
      if (value?.data instanceof Float32Array) return value.data.slice();
      throw new UnitscopeError("model", `tensor "${tap}": expected float32, got ${value?.type ?? "nothing"}`);
    };
  },
  buffers: (responses) => [responses.buffer as ArrayBuffer],
};
