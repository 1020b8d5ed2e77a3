/** What the page says of a run as a whole. */

import { commandsOf, notesOf } from "../runs/repeat-commands.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { dataTitle } from "../runs/run-manifest.ts";
import { wilsonInterval } from "../stats/wilson.ts";
import { integers } from "../tables/table.ts";
import type { LayerTable } from "./layer-tables.ts";
import type { RunData } from "./page-data.ts";

/**
 * The parts of a run's description that need no other files.
 * @param again the folder that the commands to repeat it write.
 */
export async function describeRun(
  run: RunFolder,
  drops: LayerTable,
  again: string,
): Promise<
  Pick<
    RunData,
    "model" | "data" | "commands" | "notes" | "classNames" | "classImages" | "classCorrect" | "accuracy" | "method"
  >
> {
  const manifest = run.manifest();
  const { classNames, layers, model, data } = manifest;
  const classImages = classNames.map(() => 0);
  const classCorrect = classNames.map(() => 0);
  const first = layers[0]?.name ?? "";
  const table = await drops.read(first, ["class", "images", "correct"]);
  const [cls, images, correct] = [integers(table, "class"), integers(table, "images"), integers(table, "correct")];
  for (let row = 0; row < Math.min(table.rows, classNames.length); row++) {
    classImages[cls[row]] = images[row];
    classCorrect[cls[row]] = correct[row];
  }
  const right = classCorrect.reduce((sum, count) => sum + count, 0);
  const all = classImages.reduce((sum, count) => sum + count, 0);
  return {
    model: { name: model.name, sha256: model.sha256 },
    data: { name: dataTitle(data.name), images: data.images },
    commands: commandsOf(manifest, again),
    notes: notesOf(manifest),
    classNames,
    classImages,
    classCorrect,
    accuracy: { correct: right, images: all, ...wilsonInterval(right, all) },
    method: manifest.ablation.method,
  };
}
