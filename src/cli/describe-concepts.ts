/** What concept alignment found, in words and as JSON. */

import type { ConceptsRunResult, LayerConcepts } from "../commands/concepts-run.ts";
import { conceptColumns } from "../concepts/alignment-tables.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { formatTable } from "./format-table.ts";

/** Concepts that are listed for a category, those with most detectors first. */
const SHOWN = 5;

/** Lines about the detectors of every layer, by category. */
export function describeConcepts({ set, layers }: ConceptsRunResult): string[] {
  const rows = layers.flatMap((found) =>
    found.detectors.map(({ category, units, concepts, detected }) => [
      found.layer.name,
      category,
      String(units),
      String(concepts),
      detected
        .slice(0, SHOWN)
        .map(({ concept, units: detectors }) => `${concept} ${detectors.length}`)
        .join(", "),
    ]),
  );
  const header = ["layer", "category", "detectors", "unique", "concepts with most detectors"];
  return [
    `concepts: ${set.name} (${set.format}), ${withCommas(set.imageCount)} images, ${withCommas(set.concepts.length)} concepts; a detector has IoU > 0.04 with its best concept`,
    ...formatTable([header, ...rows], { right: [2, 3] }),
    ...layers.map((found) => {
      const { detectors, beyondChance } = totals(found);
      const real =
        beyondChance === null
          ? "not compared with chance"
          : `${beyondChance} of them beyond shuffled masks and random units (5 % false discoveries)`;
      return `${found.layer.name}: ${detectors} of ${found.alignment.unitCount} units are detectors, ${real}`;
    }),
  ];
}

/** The result as one JSON value. */
export function conceptsJson({ set, layers, elapsedMs }: ConceptsRunResult): Record<string, unknown> {
  return {
    set: set.name,
    format: set.format,
    hash: set.hash,
    images: set.imageCount,
    concepts: set.concepts.length,
    layers: layers.map((found) => ({
      layer: found.layer.name,
      units: found.alignment.unitCount,
      ...totals(found),
      categories: found.detectors,
    })),
    elapsedMs,
  };
}

function totals({ alignment }: LayerConcepts): { detectors: number; beyondChance: number | null } {
  const { detector, real_detector } = conceptColumns(alignment);
  const count = (is: readonly (number | null)[]): number => is.filter((each) => each === 1).length;
  return { detectors: count(detector), beyondChance: real_detector.includes(null) ? null : count(real_detector) };
}
