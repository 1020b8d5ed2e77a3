/** The figures of a run that go into its report, with captions that say what to see. */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { layerDropsFigure, layerDropsOf } from "../figures/layer-drops.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { sourceOf } from "../runs/run-manifest.ts";

/** Kinds of figures by the beginnings of their names, in the page's order. */
const captions: readonly (readonly [prefix: string, caption: string])[] = [
  [
    "layer-drops",
    "Every unit, sorted by what it costs the class that suffers most (the upper curve), and what it costs all images (the overall drop).",
  ],
  ["unit-drops", "The most damaging units: few classes pay for each of them, most do not change."],
  [
    "sets",
    "Units removed one after another. A class falls after a handful of units that were chosen for it; randomly chosen units hardly matter.",
  ],
  [
    "rotation",
    "Units beside random directions of the same layer. If both had the same curve, units would be an arbitrary basis.",
  ],
  [
    "relations",
    "Attributes of units against what their removal costs: does an attribute tell which units matter, to all images or to single classes?",
  ],
  ["detectors", "Concepts that units respond to (intersection over union above 0.04)."],
];

/**
 * Copies a run's figures into a report's folder; the one of all layers is drawn where the run lacks it.
 * @returns their places in the folder, with captions.
 */
export async function copyFigures(
  run: RunFolder,
  out: string,
  folder: string,
): Promise<{ file: string; caption: string }[]> {
  const source = run.file("figures");
  const names = existsSync(source) ? readdirSync(source).filter((name) => name.endsWith(".svg")) : [];
  const copied: { file: string; caption: string }[] = [];
  for (const [prefix, caption] of captions) {
    const own = names.filter((name) => name.startsWith(prefix)).sort();
    if (prefix === "layer-drops" && own.length === 0) {
      const svg = layerDropsFigure(layerDropsOf(await run.readTable("units")), { source: sourceOf(run.manifest()) });
      writeFileAtomic(join(out, folder, "layer-drops.svg"), svg);
      copied.push({ file: `${folder}/layer-drops.svg`, caption });
    }
    for (const name of own) {
      copyInto(join(source, name), join(out, folder, name));
      const layer = /-(.+)\.svg$/.exec(name.slice(prefix.length))?.[1];
      copied.push({ file: `${folder}/${name}`, caption: layer ? `${layer}. ${caption}` : caption });
    }
  }
  return copied;
}

/** Copies a file. @throws {UnitscopeError} `file` if the disk refuses. */
export function copyInto(from: string, to: string): void {
  try {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
  } catch (cause) {
    throw diskError(to, cause);
  }
}
