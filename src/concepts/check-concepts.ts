/** Reads every image and every label map of a segmented set once, and says what it holds and what is wrong with it. */
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { type ConceptSet, categoriesOf, categoryIndices, measureLabels } from "./concept-set.ts";

/** What one concept amounts to. */
export interface ConceptCoverage {
  readonly name: string;
  readonly category: string;
  readonly number: number;
  /** Images that show it. */
  readonly images: number;
  /** Sum over images of the fraction of pixels that show it, as Broden's `coverage`. */
  readonly coverage: number;
}

/** What one category amounts to. */
export interface CategoryCoverage {
  readonly category: string;
  readonly concepts: number;
  /** Concepts that no image shows. */
  readonly unused: number;
  /** Images with at least one labelled pixel of it. */
  readonly images: number;
}

/** The findings. */
export interface ConceptReport {
  readonly name: string;
  readonly format: string;
  readonly hash: string;
  readonly images: number;
  /** Images whose pixels and labels could be read. */
  readonly readable: number;
  /** Sizes of the label maps, `height×width`, the most frequent first. */
  readonly labelSizes: readonly { readonly size: string; readonly images: number }[];
  readonly categories: readonly CategoryCoverage[];
  readonly concepts: readonly ConceptCoverage[];
  /** One message for every image that cannot be used. */
  readonly problems: readonly string[];
}

/**
 * Checks a set. Images that cannot be used are reported, not thrown.
 *
 * @throws {UnitscopeError} `interrupted`.
 */
export async function checkConcepts(
  set: ConceptSet,
  { signal, progress }: { signal?: AbortSignal; progress?: (done: number) => void } = {},
): Promise<ConceptReport> {
  const categories = categoriesOf(set.concepts);
  const categoryOf = categoryIndices(set.concepts);
  const images = new Float64Array(set.concepts.length);
  const coverage = new Float64Array(set.concepts.length);
  const categoryImages = new Float64Array(categories.length);
  const sizes = new Map<string, number>();
  const problems: string[] = [];
  for (let image = 0; image < set.imageCount; image++) {
    throwIfInterrupted(signal, set.name);
    try {
      await set.read(image);
      const labels = await set.labels(image);
      const size = `${labels.height}×${labels.width}`;
      sizes.set(size, (sizes.get(size) ?? 0) + 1);
      const areas = measureLabels(labels, categoryOf);
      for (const category of areas.categories) categoryImages[category]++;
      areas.concepts.forEach((concept, i) => {
        images[concept]++;
        coverage[concept] += areas.pixels[i] / (labels.height * labels.width);
      });
    } catch (error) {
      if (!(error instanceof UnitscopeError) || error.code === "internal") throw error;
      problems.push(messageOf(error));
    }
    progress?.(image + 1);
  }
  return {
    name: set.name,
    format: set.format,
    hash: set.hash,
    images: set.imageCount,
    readable: set.imageCount - problems.length,
    labelSizes: [...sizes].sort(([, a], [, b]) => b - a).map(([size, count]) => ({ size, images: count })),
    categories: categories.map((category, index) => {
      const members = set.concepts.flatMap((concept, place) => (concept.category === category ? [place] : []));
      return {
        category,
        concepts: members.length,
        unused: members.filter((place) => images[place] === 0).length,
        images: categoryImages[index],
      };
    }),
    concepts: set.concepts.map((concept, place) => ({
      ...concept,
      images: images[place],
      coverage: coverage[place],
    })),
    problems,
  };
}
