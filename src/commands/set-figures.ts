/** Figure 4 of a run: accuracy of classes as units of a layer are removed one after another. */
import { setCurvesOf } from "../figures/from-tables.ts";
import { setCurvesFigure } from "../figures/set-curves.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { sourceOf } from "../runs/run-manifest.ts";
import type { Table } from "../tables/table.ts";

/** Draws `figures/sets-LAYER.svg` from the table `sets`; returns its path. */
export function drawSetCurves(run: RunFolder, sets: Table, layer: string): string {
  const manifest = run.manifest();
  const curves = setCurvesOf(sets, layer, { chance: 1 / manifest.classNames.length });
  const name = `sets-${run.layerSlugs([layer])[layer]}.svg`;
  run.writeFile(["figures", name], setCurvesFigure(curves, { source: sourceOf(manifest) }));
  return run.file("figures", name);
}
