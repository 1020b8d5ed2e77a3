/** Several image sets as one, one after the other. */
import { sha256 } from "../files/hash.ts";
import type { ImageSet } from "./image-set.ts";
import { joinLabels } from "./several-labels.ts";

/** Classes are those of all parts by name: numbers in their order, names sorted where the parts' lists differ. */
export function joinSets(name: string, parts: readonly ImageSet[]): ImageSet {
  const lists = parts.map(({ classNames }) => classNames);
  const longest = lists.reduce((most, list) => (list.length > most.length ? list : most));
  const isPrefix = lists.every((list) => list.every((cls, at) => cls === longest[at]));
  const classNames = isPrefix ? longest : [...new Set(lists.flat())].sort();
  const indices = new Map(classNames.map((cls, at) => [cls, at]));
  const starts: number[] = [];
  const labels: number[] = [];
  for (const part of parts) {
    starts.push(labels.length);
    for (const label of part.labels) labels.push(indices.get(part.classNames[label]) ?? -1);
  }
  const place = (image: number): { part: ImageSet; at: number } => {
    const index = starts.findLastIndex((start) => start <= image);
    return { part: parts[index], at: image - starts[index] };
  };
  const several = parts.flatMap(({ severalLabels, classNames: names, imageCount, name: part }) =>
    severalLabels ? [{ several: severalLabels, names, imageCount, name: part }] : [],
  );
  return {
    name,
    ...(several.length > 0 && { severalLabels: joinLabels(several, classNames, `data "${name}"`) }),
    imageCount: labels.length,
    labels: Int32Array.from(labels),
    classNames,
    hash: sha256(...parts.map(({ hash }) => hash)),
    imageName: (image) => {
      const { part, at } = place(image);
      return part.imageName(at);
    },
    read: async (image) => {
      const { part, at } = place(image);
      return part.read(at);
    },
  };
}
