/**
 * A segmented image set: images, and for every pixel of every image which concepts it shows.
 *
 * Sources (Broden, folders, COCO, our own JSON, rendered images) differ only in how they build one; concept alignment
 * works on this.
 */

import type { RgbImage } from "../data/image-set.ts";
import { UnitscopeError } from "../errors.ts";

/** Something that pixels can show. Concepts are numbered from 0 by their place in the set's list. */
export interface Concept {
  readonly name: string;
  /** `object`, `part`, `scene`, `texture`, `material`, `color`, or a user's own. */
  readonly category: string;
  /** The number that the source gives it; for messages and for comparing with the source. */
  readonly number: number;
}

/** The labels of one image; read only. All its maps have one size, which need not be the image's. */
export interface LabelMaps {
  readonly height: number;
  readonly width: number;
  /**
   * Each row-major `[height, width]`: 1 + the concept's place in the set's list, or 0 for none. A pixel may show several
   * concepts, one a map; no two maps show the same concept at a pixel.
   */
  readonly maps: readonly Uint16Array[];
  /** Concepts that cover the whole image, without repetition; none of them is in a map. */
  readonly whole: readonly number[];
}

/** A segmented image set. Images are numbered from 0 in its order. */
export interface ConceptSet {
  /** What the user called it. */
  readonly name: string;
  /** The format it was read from: `Broden`, `folder`, `COCO`, `JSON`, `rendered`, `colours`. */
  readonly format: string;
  readonly concepts: readonly Concept[];
  readonly imageCount: number;
  /** SHA-256 (hex) of what defines the images and their labels. */
  readonly hash: string;
  /** A short name of one image, for people. */
  imageName(image: number): string;
  /** Decodes one image at its own size. */
  read(image: number): Promise<RgbImage>;
  /**
   * The labels of one image.
   * @throws {UnitscopeError} `data` if they are missing, damaged or inconsistent; the message names file and row.
   */
  labels(image: number): Promise<LabelMaps>;
}

/** The most concepts that a set may have: a label map holds 16 bits a pixel, and 0 is taken. */
export const MAX_CONCEPTS = 65_535;

/** The most pixels that a label map may have: a few bytes can claim any number. */
const MAX_PIXELS = 1 << 26;

/** Whether a label map may be of this size. */
export function isLabelSize(height: number, width: number): boolean {
  return height >= 1 && width >= 1 && height * width <= MAX_PIXELS;
}

/** Categories of a set, in the order of their first concept. */
export function categoriesOf(concepts: readonly Concept[]): string[] {
  return [...new Set(concepts.map(({ category }) => category))];
}

/** Category of every concept as an index into `categoriesOf`, `[conceptCount]`. */
export function categoryIndices(concepts: readonly Concept[]): Int32Array {
  const indices = new Map(categoriesOf(concepts).map((category, index) => [category, index]));
  return Int32Array.from(concepts, ({ category }) => indices.get(category) ?? 0);
}

/**
 * Label maps from maps that may repeat each other: where a pixel shows a concept twice, the later map loses it.
 *
 * @param maps row-major `[height, width]` as in `LabelMaps`; changed in place.
 * @throws {UnitscopeError} `data` if a map has another size; `place` begins the message.
 */
export function makeLabelMaps(
  place: string,
  height: number,
  width: number,
  maps: readonly Uint16Array[],
  whole: readonly number[] = [],
): LabelMaps {
  const distinct = [...new Set(whole)];
  for (const [later, map] of maps.entries()) {
    if (map.length !== height * width) {
      throw new UnitscopeError("data", `${place}: expected ${height}×${width} labels, got ${map.length}`);
    }
    for (const concept of distinct) {
      const label = concept + 1;
      for (let pixel = 0; pixel < map.length; pixel++) if (map[pixel] === label) map[pixel] = 0;
    }
    for (let earlier = 0; earlier < later; earlier++) {
      const other = maps[earlier];
      for (let pixel = 0; pixel < map.length; pixel++) if (map[pixel] === other[pixel]) map[pixel] = 0;
    }
  }
  return { height, width, maps, whole: distinct };
}

/** What an image's labels add to the sums over a set. */
export interface LabelAreas {
  /** Concepts that the image shows. */
  readonly concepts: readonly number[];
  /** Pixels of each of `concepts`. */
  readonly pixels: readonly number[];
  /** Categories that have at least one labelled pixel. */
  readonly categories: readonly number[];
}

/** Counts the pixels of every concept in an image. */
export function measureLabels({ height, width, maps, whole }: LabelMaps, categoryOf: Int32Array): LabelAreas {
  const counts = new Map<number, number>();
  for (const map of maps) {
    // neighbours mostly agree, so runs are counted
    let run = 0;
    for (let pixel = 0; pixel < map.length; pixel += run) {
      const label = map[pixel];
      run = 1;
      while (pixel + run < map.length && map[pixel + run] === label) run++;
      if (label !== 0) counts.set(label - 1, (counts.get(label - 1) ?? 0) + run);
    }
  }
  for (const concept of whole) counts.set(concept, height * width);
  const concepts = [...counts.keys()];
  return {
    concepts,
    pixels: [...counts.values()],
    categories: [...new Set(concepts.map((concept) => categoryOf[concept]))],
  };
}

/** For every pixel of a map, how many pixels from it on have its label, at most 255; row-major `[height, width]`. */
export function measureRuns(map: Uint16Array): Uint8Array {
  const runs = new Uint8Array(map.length);
  let run = 0;
  for (let pixel = map.length - 1; pixel >= 0; pixel--) {
    run = pixel + 1 < map.length && map[pixel] === map[pixel + 1] ? Math.min(255, run + 1) : 1;
    runs[pixel] = run;
  }
  return runs;
}
