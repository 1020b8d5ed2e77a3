/** Several segmented sets as one: concepts with the same name and category become one concept. */

import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { type Concept, type ConceptSet, MAX_CONCEPTS } from "./concept-set.ts";

/**
 * Joins sets, the images of one after those of another. One set is returned as it is; of several, the concepts are
 * numbered anew from 1.
 *
 * @throws {UnitscopeError} `data` if there is no set, or too many concepts.
 */
export function joinConcepts(sets: readonly ConceptSet[]): ConceptSet {
  const [only, ...more] = sets;
  if (!only) throw new UnitscopeError("data", "concepts: expected at least one set, got none");
  if (more.length === 0) return only;
  const concepts: Concept[] = [];
  const places = new Map<string, number>();
  const placesOf = sets.map((set) =>
    Uint16Array.from([{ name: "", category: "" }, ...set.concepts], ({ name, category }, label) => {
      if (label === 0) return 0;
      const key = JSON.stringify([category, name]);
      let place = places.get(key);
      if (place === undefined) {
        place = concepts.length;
        places.set(key, place);
        concepts.push({ name, category, number: place + 1 });
      }
      return place + 1;
    }),
  );
  if (concepts.length > MAX_CONCEPTS) {
    throw new UnitscopeError("data", `concepts: expected at most ${MAX_CONCEPTS}, got ${concepts.length}`);
  }
  const find = (image: number): { set: ConceptSet; own: number; labels: Uint16Array } => {
    let own = image;
    for (const [i, set] of sets.entries()) {
      if (own < set.imageCount) return { set, own, labels: placesOf[i] };
      own -= set.imageCount;
    }
    throw new UnitscopeError("value", `concepts: expected an image of the sets, got ${image}`);
  };
  return {
    name: sets.map(({ name }) => name).join(","),
    format: [...new Set(sets.map(({ format }) => format))].join(", "),
    concepts,
    imageCount: sets.reduce((sum, { imageCount }) => sum + imageCount, 0),
    hash: sha256(...sets.map(({ hash }) => `${hash}\n`)),
    imageName: (image) => {
      const { set, own } = find(image);
      return set.imageName(own);
    },
    read: async (image) => {
      const { set, own } = find(image);
      return set.read(own);
    },
    labels: async (image) => {
      const { set, own, labels } = find(image);
      const { height, width, maps, whole } = await set.labels(own);
      return {
        height,
        width,
        maps: maps.map((map) => map.map((label) => labels[label])),
        whole: whole.map((concept) => labels[concept + 1] - 1),
      };
    },
  };
}
