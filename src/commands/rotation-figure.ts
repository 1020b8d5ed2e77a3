/** Figure 7 of a run: its units beside the directions of rotated bases, in the order of the network's layers. */
import { rotationDropsOf } from "../figures/from-tables.ts";
import { rotationFigure } from "../figures/rotation.ts";
import type { DropSign } from "../figures/sign.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { sourceOf } from "../runs/run-manifest.ts";
import type { Table } from "../tables/table.ts";

/** Draws `figures/rotation.svg` from the table `rotation`; returns its path. */
export function drawRotation(
  run: RunFolder,
  rotation: Table,
  options: { readonly sign?: DropSign; readonly imagesPerClass: number },
): string {
  const manifest = run.manifest();
  const layers = rotationDropsOf(
    rotation,
    manifest.layers.map(({ name }) => name),
  );
  run.writeFile(["figures", "rotation.svg"], rotationFigure(layers, { ...options, source: sourceOf(manifest) }));
  return run.file("figures", "rotation.svg");
}
