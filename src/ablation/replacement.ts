/** What a layer's removed units are replaced by, for experiments that come after the sweep: the same as in the sweep. */

import { UnitscopeError } from "../errors.ts";
import type { Layer } from "../onnx/layers.ts";
import type { BlockSource } from "../passes/image-block.ts";
import type { PassRunner } from "../passes/pass-runner.ts";
import type { Model } from "../runtime/open-model.ts";
import { optimalConstants } from "./optimal-constants.ts";
import { meanResponses } from "./response-means.ts";
import { type AblationMethod, tapFor } from "./sweep.ts";

/** The tensor whose channels are replaced, and the constants that replace them, float32 `[units]`. */
export interface Replacement {
  readonly tap: string;
  readonly replacement: Float32Array;
}

/**
 * Finds a layer's replacement; `mean` runs the images through the network, in the blocks of the sweep, so that the
 * constants are the sweep's to the last bit.
 * @throws {UnitscopeError} `layer` for a method that the layer does not allow.
 */
export async function findReplacement(
  model: Model,
  {
    images,
    layer,
    method,
    workers,
    runner,
    signal,
  }: {
    images: BlockSource;
    layer: Layer;
    method: AblationMethod;
    workers?: number | undefined;
    runner?: PassRunner | undefined;
    signal?: AbortSignal | undefined;
  },
): Promise<Replacement> {
  const tap = tapFor(layer, method);
  if (method === "resample") {
    throw new UnitscopeError(
      "layer",
      `layer "${layer.name}": expected units that constants replace, got a run of method resample; make one of method mean or optimal`,
    );
  }
  if (method === "optimal") {
    const [best] = await optimalConstants(model, images, { taps: [tap], workers, runner, signal });
    return { tap, replacement: best };
  }
  if (method !== "mean") return { tap, replacement: new Float32Array(layer.units) };
  const [mean] = await meanResponses(model, images, { taps: [tap], workers, runner, signal });
  return { tap, replacement: mean };
}
