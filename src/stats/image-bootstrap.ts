/**
 * Bootstrap intervals over images. A layer's units are all measured, so they are no sample; the images are one. A mean
 * drop is a sum of what each image adds to it, so that a resample is a weighted sum: as many images of every class as
 * there are, drawn again with repetition (Efron 1979, within strata). Networks that were measured on the same images
 * share each draw of them, and are drawn themselves (the crossed bootstrap of Owen, "The pigeonhole bootstrap", 2007).
 */
import { type Random, seededRandom } from "../numeric/random.ts";
import { type Interval, quantileOfSorted } from "./bootstrap.ts";

/** How much an interval draws, and from what. */
export interface ImageBootstrapOptions {
  readonly resamples?: number;
  readonly level?: number;
  readonly seed?: number;
}

/** What every image adds to a measure of one network, float64 `[imageCount]`; their sum is the measure. */
export type ImageParts = Float64Array;

/**
 * The percentile interval, over images alone or over networks and images, of the mean over networks of a sum over images;
 * with `against`, of the difference of two groups' means.
 *
 * @param group one entry per network, all on the same images; a single network is held fixed.
 * @param labels class of every image; resamples keep the number of images of each.
 */
export function imageInterval(
  group: readonly ImageParts[],
  labels: Int32Array,
  {
    against,
    resamples = 1_000,
    level = 0.95,
    seed = 0,
  }: ImageBootstrapOptions & { against?: readonly ImageParts[] | undefined } = {},
): Interval {
  const groups = against ? [group, against] : [group];
  if (labels.length === 0 || groups.some((networks) => networks.length === 0))
    return { low: Number.NaN, high: Number.NaN };
  const images = imagesByClass(labels);
  const random = seededRandom(seed);
  const drawn = new Int32Array(labels.length);
  const means = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    drawImages(images, drawn, random);
    const [own = Number.NaN, other = 0] = groups.map((networks) => meanOfDrawn(networks, drawn, random));
    means[resample] = own - other;
  }
  means.sort();
  const tail = (1 - level) / 2;
  return { low: quantileOfSorted(means, tail), high: quantileOfSorted(means, 1 - tail) };
}

function imagesByClass(labels: Int32Array): Int32Array[] {
  const lists: number[][] = [];
  labels.forEach((cls, image) => {
    lists[cls] ??= [];
    lists[cls].push(image);
  });
  return lists.filter(Boolean).map((list) => Int32Array.from(list));
}

function drawImages(classes: readonly Int32Array[], drawn: Int32Array, { uniform }: Random): void {
  let at = 0;
  for (const own of classes) for (let i = 0; i < own.length; i++) drawn[at++] = own[Math.floor(uniform() * own.length)];
}

function meanOfDrawn(networks: readonly ImageParts[], drawn: Int32Array, { integer }: Random): number {
  let sum = 0;
  for (let draw = 0; draw < networks.length; draw++) {
    const parts = networks[networks.length === 1 ? 0 : integer(networks.length)];
    for (let i = 0; i < drawn.length; i++) sum += parts[drawn[i]];
  }
  return sum / networks.length;
}
