/** The segmented image sets that `--concepts` names. */
import type { ConceptSplit } from "../concepts/broden.ts";
import { imageColors, renderedConcepts, withColors } from "../concepts/builtin-concepts.ts";
import { conceptInputSize } from "../concepts/concept-layer.ts";
import type { ConceptSet } from "../concepts/concept-set.ts";
import { joinConcepts } from "../concepts/join-concepts.ts";
import { openConcepts } from "../concepts/open-concepts.ts";
import { UnitscopeError } from "../errors.ts";
import type { Subject } from "./subject.ts";

/** Rendered sets that were opened before, with what they keep of their drawings; the same set is then drawn once. */
export type DrawnSets = Map<string, ConceptSet>;

/**
 * Opens the sets that a user named: `builtin` is rendered at the size that the network sees, at most 112 pixels, with
 * 3,000 images up to 64 pixels and 1,000 above unless the name says how many (`builtin:N`); sets without colours get those of their pixels; `colors` are those of the run's own images.
 */
export async function openSets(
  names: readonly string[],
  { model, preprocessing, images }: Pick<Subject, "model" | "preprocessing" | "images">,
  { split, seed, drawn = new Map() }: { split: ConceptSplit; seed: number; drawn?: DrawnSets | undefined },
): Promise<ConceptSet> {
  if (names.length === 0) {
    throw new UnitscopeError(
      "usage",
      'option "concepts": expected folders or builtin, separated by commas, got nothing',
    );
  }
  const [height, width] = conceptInputSize(model, preprocessing);
  const side = Math.min(112, Math.max(32, height, width));
  const sets = await Promise.all(
    names.map(async (name) => {
      const rendered = renderedCount(name, side);
      if (rendered !== undefined) return drawnOnce(drawn, { side, imageCount: rendered, seed });
      if (name === "colors") return imageColors(images);
      return withColors(await openConcepts(name, { split }));
    }),
  );
  return joinConcepts(sets);
}

function drawnOnce(drawn: DrawnSets, options: { side: number; imageCount: number; seed: number }): ConceptSet {
  const key = Object.values(options).join(" ");
  const set = drawn.get(key) ?? renderedConcepts(options);
  drawn.set(key, set);
  return set;
}

/**
 * Opens the sets and lets go of them, so that one that is missing or inconsistent is found before long work.
 *
 * @throws {UnitscopeError} as `openSets`.
 */
export async function requireSets(names: readonly string[], split: ConceptSplit): Promise<void> {
  for (const name of names) {
    if (renderedCount(name, 0) === undefined && name !== "colors") await openConcepts(name, { split });
  }
}

/** How many images a set called `builtin` or `builtin:N` has; undefined for other names. */
function renderedCount(name: string, side: number): number | undefined {
  if (name === "builtin") return side > 64 ? 1000 : 3000;
  const [, count] = /^builtin:(.*)$/.exec(name) ?? [];
  if (count === undefined) return undefined;
  if (/^[1-9]\d{0,6}$/.test(count)) return Number(count);
  throw new UnitscopeError(
    "usage",
    `option "concepts": expected builtin:N with a number of images from 1 to 9999999, got "${name}"`,
  );
}
