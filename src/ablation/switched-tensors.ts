/** The tensors that the reference can switch off: the taps of all the model's layers, and any others that are swept. */

import { UnitscopeError } from "../errors.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { SwitchedTensor } from "./plain-graph.ts";

/**
 * All layers' taps, so that the reference is one computation whichever layers a sweep asks for; a tap that is none
 * (a convolution's own output, with `--method weights`) joins them.
 */
export function switchedTensors(model: Model, taps: readonly string[]): SwitchedTensor[] {
  const shapes = inferShapes(model.graph);
  const names = new Set([...model.layers.map((layer) => layer.tap), ...taps]);
  return [...names].map((tap) => {
    const shape = shapes.get(tap);
    const units = shape?.[1];
    if (!shape || typeof units !== "number") {
      throw new UnitscopeError("internal", `internal: tap "${tap}": expected a known shape, got ${shape?.join(", ")}`);
    }
    return { tap, units, rank: shape.length };
  });
}
