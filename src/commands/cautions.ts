/**
 * What may be wrong with labels, preprocessing or images, said before a long run: rules on predictions and image sets.
 * `examine-subject.ts` gets the predictions of a sample.
 */
import { emptyClasses } from "../data/classes/fit-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { imagesPerClass } from "../data/select-images.ts";
import { exactMcNemar } from "../stats/mcnemar.ts";
import { wilsonInterval } from "../stats/wilson.ts";

/** Fewer images of a class than this, and drops of many points are single images. */
const FEW_IMAGES = 20;
/** A better reading of the labels must be this unlikely by chance, a better way of scaling pixels this. */
const ORDER_BAR = 1e-4;
const SCALE_BAR = 0.01;

/** Cautions about an image set as such. */
export function imageCautions(set: ImageSet): string[] {
  const counts = imagesPerClass(set).filter((count) => count > 0);
  const cautions: string[] = [];
  const empty = emptyClasses(set).length;
  if (empty > 0) {
    cautions.push(
      `${counts.length} of ${set.classNames.length} classes have images; predictions are over all, the others are left out of tables`,
    );
  }
  const few = counts.filter((count) => count < FEW_IMAGES).length;
  if (few > 0) {
    const least = counts.reduce((smallest, count) => Math.min(smallest, count));
    cautions.push(
      `${few} of ${counts.length} classes have fewer than ${FEW_IMAGES} images, one only ${least}: there one image is ${(100 / least).toFixed(0)} points, so go by the significance of a drop, not by its size`,
    );
  }
  const { repeats, skipped } = set;
  if (repeats && repeats.count > 0) {
    const [one, other] = repeats.example;
    cautions.push(
      `${repeats.count} images are copies of others${repeats.otherLabel > 0 ? `, ${repeats.otherLabel} of them under another class` : ""}: ${set.imageName(one)} and ${set.imageName(other)}, for example`,
    );
  }
  if (skipped && skipped.length > 0) {
    const which =
      skipped.length === 1 ? "1 image cannot be read and is" : `${skipped.length} images cannot be read and are`;
    cautions.push(`${which} left out, the first: ${skipped[0].reason}`);
  }
  return cautions;
}

/** Labels with what the network says, `[imageCount]` each. */
export interface Predicted {
  readonly labels: Int32Array;
  readonly predictions: Int32Array;
}

/** Says so if the accuracy could be chance: the lower end of its 95 % interval is not above one in the classes shown. */
export function chanceCaution({ labels, predictions }: Predicted): string | undefined {
  const correct = countWhere(labels, (label, image) => label === predictions[image]);
  const classCount = new Set(labels).size;
  if (classCount < 2 || wilsonInterval(correct, labels.length).low > 1 / classCount) return undefined;
  return `accuracy is near chance: ${percent(correct / labels.length)} of ${labels.length} images right, which chance does too (guessing among the ${classCount} classes shown gets ${percent(1 / classCount)}): are the labels in its order of classes, and the images preprocessed as it wants?`;
}

/**
 * Says so if labels in another order fit much better: shifted by one, sorted as text, or one to one as the network's
 * own predictions suggest, learned on one half of the images and judged on the other.
 */
export function orderCaution(predicted: Predicted, classNames: readonly string[]): string | undefined {
  const { labels, predictions } = predicted;
  const classCount = classNames.length;
  const asText = Array.from({ length: classCount }, (_, cls) => `${cls}`)
    .sort()
    .map(Number);
  const readings = [
    { name: "shifted up by one", to: (label: number) => label + 1 },
    { name: "shifted down by one", to: (label: number) => label - 1 },
    { name: "as numbers sorted as text (0, 1, 10, 11, …)", to: (label: number) => asText[label] },
    { name: "as numbers that were sorted as text (0, 1, 10, 11, …)", to: (label: number) => asText.indexOf(label) },
  ];
  const right = (image: number): boolean => labels[image] === predictions[image];
  const learned = [0, 1].map((half) => learnMap(predicted, half));
  const halves = halvesOf(labels);
  const learnedTo = (label: number, image: number): number => learned[1 - halves[image]].get(label) ?? label;
  const moved = [...learned[0]].find(([from, to]) => from !== to && learned[1].get(from) === to);
  const [from, to] = (moved ?? []).map((cls) => classNames[cls]);
  const all = [
    ...readings.map((reading) => ({ ...reading, example: "" })),
    ...(moved
      ? [{ name: "in another order", to: learnedTo, example: `; images of "${from}", for one, are taken for "${to}"` }]
      : []),
  ].flatMap(({ name, to: read, example }) => {
    const fits = (image: number): boolean => read(labels[image], image) === predictions[image];
    const verdict = compare(labels.length, right, fits, ORDER_BAR);
    return verdict ? [{ share: verdict.share, text: `labels ${name} fit much better: ${verdict.text}${example}` }] : [];
  });
  return all.sort((one, other) => other.share - one.share)[0]?.text;
}

/** Says so if another way of scaling pixels is right on more images, beyond chance; of several, the one that does best. */
export function scaleCaution(given: Predicted, others: ReadonlyMap<string, Predicted>): string | undefined {
  const rightOf = ({ labels, predictions }: Predicted): number =>
    countWhere(labels, (label, image) => label === predictions[image]);
  const [best] = [...others].sort(([, one], [, other]) => rightOf(other) - rightOf(one));
  if (!best) return undefined;
  const [name, other] = best;
  const verdict = compare(
    given.labels.length,
    (image) => given.labels[image] === given.predictions[image],
    (image) => other.labels[image] === other.predictions[image],
    SCALE_BAR,
  );
  return verdict && `pixels scaled as ${name} do better on a sample: ${verdict.text}`;
}

/** `81.0 % instead of 9.5 % of 200 images`, if the second is better beyond chance. */
function compare(
  count: number,
  first: (image: number) => boolean,
  second: (image: number) => boolean,
  bar: number,
): { text: string; share: number } | undefined {
  let [lost, gained, before] = [0, 0, 0];
  for (let image = 0; image < count; image++) {
    const [was, is] = [first(image), second(image)];
    before += Number(was);
    lost += Number(was && !is);
    gained += Number(!was && is);
  }
  if (gained <= lost || exactMcNemar(lost, gained) > bar) return undefined;
  const share = (before - lost + gained) / count;
  return { share, text: `${percent(share)} instead of ${percent(before / count)} of ${count} images` };
}

/** Every second image of a class is in half 1. */
function halvesOf(labels: Int32Array): Uint8Array {
  const seen = new Map<number, number>();
  return Uint8Array.from(labels, (label) => {
    const count = seen.get(label) ?? 0;
    seen.set(label, count + 1);
    return count % 2;
  });
}

/** From each label to the prediction that it is most often seen with in one half, each prediction used once. */
function learnMap({ labels, predictions }: Predicted, half: number): Map<number, number> {
  const halves = halvesOf(labels);
  const counts = new Map<string, { from: number; to: number; count: number }>();
  for (const [image, from] of labels.entries()) {
    if (halves[image] !== half) continue;
    const key = `${from} ${predictions[image]}`;
    const cell = counts.get(key) ?? { from, to: predictions[image], count: 0 };
    cell.count++;
    counts.set(key, cell);
  }
  const map = new Map<number, number>();
  const used = new Set<number>();
  for (const { from, to } of [...counts.values()].sort((a, b) => b.count - a.count || a.from - b.from)) {
    if (map.has(from) || used.has(to)) continue;
    map.set(from, to);
    used.add(to);
  }
  return map;
}

function countWhere(values: Int32Array, holds: (value: number, at: number) => boolean): number {
  return values.reduce((count, value, at) => count + Number(holds(value, at)), 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
