/** Figure 9 of one run: which concepts the units of a layer detect, by category. */
import { detectedConceptsFigure } from "../figures/detectors.ts";
import { detectedConceptsOf } from "../figures/from-tables.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { hasValues, rowsWhere, texts } from "../tables/table.ts";

/** Draws `figures/detectors-LAYER.svg` of every layer that has been aligned with concepts; returns layers and paths. */
export async function drawDetectors(run: RunFolder): Promise<{ layer: string; path: string }[]> {
  const units = await run.readTable("units", { isWholeOnly: true });
  const { model } = run.manifest();
  const slugs = run.layerSlugs();
  return [...new Set(texts(units, "layer"))].flatMap((layer) => {
    const own = rowsWhere(units, "layer", layer);
    if (!hasValues(own, "detector")) return [];
    const name = `detectors-${slugs[layer]}.svg`;
    const concepts = detectedConceptsOf(units, layer);
    run.writeFile(
      ["figures", name],
      detectedConceptsFigure(concepts, { layer, unitCount: own.rows, source: model.name }),
    );
    return [{ layer, path: run.file("figures", name) }];
  });
}
