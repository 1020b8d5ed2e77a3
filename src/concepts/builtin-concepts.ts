/**
 * Concepts that need no download: the eleven basic colours of any images, and a rendered set of textures, shapes and
 * objects with parts, whose masks are exact because this project drew them.
 */

import type { ImageSet, RgbImage } from "../data/image-set.ts";
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { seededRandom } from "../numeric/random.ts";
import { basicColors, colorMap } from "./basic-colors.ts";
import { type Concept, type ConceptSet, type LabelMaps, makeLabelMaps } from "./concept-set.ts";
import { type Canvas, drawnCategories } from "./rendered/canvas.ts";
import { drawnNames, renderScene } from "./rendered/render-scene.ts";

/** Changes whenever the same seed would draw something else, or a colour would get another name. */
const VERSION = 1;
/** Broden's name of the category. */
const COLOR = "color";

/** Memory for drawings that are kept. */
const KEPT_BYTES = 192 * 2 ** 20;

interface Drawing {
  readonly picture: RgbImage;
  readonly labels: LabelMaps;
}

const colorConcepts: readonly Omit<Concept, "number">[] = basicColors.map((name) => ({
  name: `${name}-c`,
  category: COLOR,
}));

/**
 * The rendered set: image `i` depends on the seed and `i` alone.
 *
 * @param side pixels of an image's side, at least 16.
 * @throws {UnitscopeError} `value` for a side or count that is too small.
 */
export function renderedConcepts({
  side = 32,
  imageCount = 3000,
  seed = 0,
}: {
  side?: number;
  imageCount?: number;
  seed?: number;
} = {}): ConceptSet {
  if (!(Number.isInteger(side) && side >= 16)) {
    throw new UnitscopeError("value", `rendered concepts: expected a side of at least 16 pixels, got ${side}`);
  }
  if (!(Number.isInteger(imageCount) && imageCount >= 1)) {
    throw new UnitscopeError("value", `rendered concepts: expected at least 1 image, got ${imageCount}`);
  }
  const named = drawnCategories.flatMap((category) => drawnNames[category].map((name) => ({ name, category })));
  const concepts = [...named, ...colorConcepts].map((concept, place) => ({ ...concept, number: place + 1 }));
  const starts = drawnCategories.map((category) => concepts.findIndex((concept) => concept.category === category));
  // A pass over the set draws each image once; small sets are kept for the next pass.
  const drawn = new Map<number, Drawing>();
  const keep = imageCount * side * side * (3 + 2 * (drawnCategories.length + 1)) <= KEPT_BYTES;
  const draw = (image: number): Drawing => {
    const known = drawn.get(image);
    if (known) return known;
    const canvas = renderScene(seededRandom(seed, image), side);
    const picture = pictureOf(canvas);
    const maps: Uint16Array[] = drawnCategories.map((category, i) =>
      canvas.labels[category].map((label) => (label === 0 ? 0 : label + starts[i])),
    );
    maps.push(colorLabels(picture, named.length, side, side));
    const shown = maps.filter((map) => map.some((label) => label > 0));
    const drawing = { picture, labels: makeLabelMaps("builtin", side, side, shown) };
    if (keep) drawn.set(image, drawing);
    return drawing;
  };
  return {
    name: "builtin",
    format: "rendered",
    concepts,
    imageCount,
    hash: sha256(`rendered concepts ${VERSION}, ${imageCount} of ${side}, seed ${seed}`),
    imageName: (image) => `rendered/${image}`,
    read: async (image) => draw(image).picture,
    labels: async (image) => draw(image).labels,
  };
}

function pictureOf({ pixels, side }: Canvas): RgbImage {
  const data = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at++) data[at] = Math.min(255, Math.max(0, Math.round(pixels[at])));
  return { width: side, height: side, data };
}

/** A label map of colours whose concepts begin at `first` in the set's list. */
function colorLabels(image: RgbImage, first: number, height: number, width: number): Uint16Array {
  const colors = colorMap(image, height, width);
  const labels = new Uint16Array(colors.length);
  for (let at = 0; at < labels.length; at++) labels[at] = first + colors[at] + 1;
  return labels;
}

/** The colours of any images, as Broden's colour category was computed per pixel. */
export function imageColors(images: Pick<ImageSet, "name" | "hash" | "imageCount" | "imageName" | "read">): ConceptSet {
  return {
    name: `colours of ${images.name}`,
    format: "colours",
    concepts: colorConcepts.map((concept, place) => ({ ...concept, number: place + 1 })),
    imageCount: images.imageCount,
    hash: sha256(`colours ${VERSION}`, images.hash),
    imageName: (image) => images.imageName(image),
    read: async (image) => images.read(image),
    labels: async (image) => {
      const picture = await images.read(image);
      const { height, width } = picture;
      return makeLabelMaps(images.imageName(image), height, width, [colorLabels(picture, 0, height, width)]);
    },
  };
}

/** Adds the eleven colours to a set that has no colours of its own; a set that has them is returned as it is. */
export function withColors(set: ConceptSet): ConceptSet {
  if (set.concepts.some(({ category }) => category === COLOR)) return set;
  const first = set.concepts.length;
  const numbers = Math.max(0, ...set.concepts.map(({ number }) => number));
  return {
    ...set,
    concepts: [...set.concepts, ...colorConcepts.map((concept, i) => ({ ...concept, number: numbers + i + 1 }))],
    hash: sha256(`colours ${VERSION}`, set.hash),
    labels: async (image): Promise<LabelMaps> => {
      const labels = await set.labels(image);
      const colors = colorLabels(await set.read(image), first, labels.height, labels.width);
      return { ...labels, maps: [...labels.maps, colors] };
    },
  };
}
