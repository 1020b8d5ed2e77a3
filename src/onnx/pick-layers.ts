/** Layers by the names that a user types, and the name that was probably meant. */
import { listAllowed, UnitscopeError } from "../errors.ts";
import { nearestName } from "../numeric/nearest-name.ts";
import type { Layer } from "./layers.ts";

/**
 * The layers that the user named, each by its name or by its tap's or output's tensor.
 * @param tensor makes a layer of any tensor of the graph; a text says why it cannot.
 * @throws {UnitscopeError} `layer` for a name that none has.
 */
export function pickLayers(
  layers: readonly Layer[],
  names: readonly string[],
  tensor: (name: string) => Layer | string | undefined = () => undefined,
): Layer[] {
  return names.map((name) => {
    const layer =
      layers.find((each) => each.name === name) ??
      layers.find((each) => each.tap === name) ??
      layers.find((each) => each.output === name) ??
      tensor(name);
    if (typeof layer === "object") return layer;
    if (layer !== undefined) {
      throw new UnitscopeError("layer", `tensor "${name}": expected one whose channels are units, got ${layer}`, {
        details: { layer: name },
      });
    }
    throw new UnitscopeError(
      "layer",
      `layer "${name}": expected one of ${listAllowed(layers.map((each) => each.name))}, got a name that no layer has${suggestion(name, layers)}; list layers with: unitscope layers MODEL`,
      { details: { layer: name } },
    );
  });
}

function suggestion(name: string, layers: readonly Layer[]): string {
  const near = nearestName(name, [
    ...layers.map((each) => each.name),
    ...layers.flatMap((each) => [each.tap, each.output]),
  ]);
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}
