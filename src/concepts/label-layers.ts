/** Label maps that grow: regions may overlap, and a pixel that already shows another concept goes to the next map. */
import { type LabelMaps, makeLabelMaps } from "./concept-set.ts";

/** Label maps under construction. */
export interface LabelLayers {
  readonly height: number;
  readonly width: number;
  readonly maps: Uint16Array[];
}

/** Label maps without any label. */
export function emptyLayers(height: number, width: number): LabelLayers {
  return { height, width, maps: [] };
}

/**
 * Marks the pixels of a mask as showing a concept.
 *
 * @param mask uint8, row-major `[height, width]`, 1 inside.
 * @param concept its place in the set's list.
 */
export function addMask({ height, width, maps }: LabelLayers, mask: Uint8Array, concept: number): void {
  const label = concept + 1;
  for (let pixel = 0; pixel < mask.length; pixel++) {
    if (!mask[pixel]) continue;
    let layer = 0;
    while (layer < maps.length && maps[layer][pixel] !== 0) {
      if (maps[layer][pixel] === label) break;
      layer++;
    }
    const map = (maps[layer] ??= new Uint16Array(height * width));
    map[pixel] = label;
  }
}

/** The finished maps. */
export function finishLayers(
  place: string,
  { height, width, maps }: LabelLayers,
  whole: readonly number[] = [],
): LabelMaps {
  return makeLabelMaps(place, height, width, maps, whole);
}
