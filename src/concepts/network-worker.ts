/** Worker thread: runs the network up to one tap, one image at a time, so that nothing depends on the order. */

import { UnitscopeError } from "../errors.ts";
import { floatValue, openSession } from "../runtime/session.ts";
import { serveWorker } from "../runtime/worker-pool.ts";

/** What a worker needs once. */
export interface NetworkSetup {
  /** The model's bytes, cut to the tap; in shared memory. */
  readonly model: Uint8Array;
  readonly input: string;
  readonly tap: string;
}

/** One preprocessed image. */
export interface NetworkTask {
  readonly pixels: Float32Array;
  readonly dims: readonly number[];
}

await serveWorker(async ({ model, input, tap }: NetworkSetup) => {
  const session = await openSession(model.slice());
  return async ({ pixels, dims }: NetworkTask) => {
    const { [tap]: value } = await session.run({ [input]: floatValue(dims, pixels) }, [tap]);
    if (!(value?.data instanceof Float32Array)) {
      throw new UnitscopeError("model", `tensor "${tap}": expected float32, got ${value?.type ?? "nothing"}`);
    }
    const result = value.data.slice();
    return { result, transfer: [result.buffer] };
  };
});
