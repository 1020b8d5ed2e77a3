/** The tensors that the reference can switch off: the taps of all the model's layers, and any others that are swept. */

import type { Model } from "../runtime/open-model.ts";
import type { SwitchedTensor } from "./plain-graph.ts";
import { unitPlace } from "./suffix-plan.ts";

/**
 * All layers' taps, so that the reference is one computation whichever layers a sweep asks for; a tap that is none
 * (a convolution's own output, with `--method weights`) joins them.
 */
export function switchedTensors(model: Model, taps: readonly string[]): SwitchedTensor[] {
  const names = new Set([...model.layers.map((layer) => layer.tap), ...taps]);
  return [...names].map((tap) => unitPlace(model, tap));
}
