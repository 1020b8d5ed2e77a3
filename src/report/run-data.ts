/** What the page says of a run as a whole. */
import type { RunFolder } from "../runs/run-folder.ts";
import { dataTitle, type RunManifest } from "../runs/run-manifest.ts";
import { wilsonInterval } from "../stats/wilson.ts";
import { integers } from "../tables/table.ts";
import type { LayerTable } from "./layer-tables.ts";
import type { RunData } from "./page-data.ts";

/** The parts of a run's description that need no other files. */
export async function describeRun(
  run: RunFolder,
  drops: LayerTable,
): Promise<
  Pick<RunData, "model" | "data" | "commands" | "classNames" | "classImages" | "classCorrect" | "accuracy" | "method">
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
    commands: commandsOf(manifest),
    classNames,
    classImages,
    classCorrect,
    accuracy: { correct: right, images: all, ...wilsonInterval(right, all) },
    method: manifest.ablation.method,
  };
}

/** The commands that make the run again, as far as their options matter to its numbers. */
export function commandsOf({ model, data, options, ablation, layers, steps }: RunManifest): string[] {
  const run = "runs/again";
  const given = [
    `--layers ${layers.map(({ name }) => name).join(",")}`,
    ...(ablation.method === "zero" ? [] : [`--method ${ablation.method}`]),
    ...(typeof options["limit"] === "number" ? [`--limit ${options["limit"]}`] : []),
    ...(typeof options["preprocess"] === "string" ? [`--preprocess ${dataTitle(options["preprocess"])}`] : []),
  ];
  const later = [...new Set(steps.map(({ command }) => command.split(" ")[0]))];
  const concepts = steps.some(({ command }) => command.includes("--concepts")) ? " --concepts builtin" : "";
  return [
    `unitscope ablate ${model.name} ${dataTitle(data.name)} ${given.join(" ")} --out ${run}`,
    ...later.map((command) => `unitscope ${command} ${run}${command === "attributes" ? concepts : ""}`),
    `unitscope report ${run}`,
  ];
}
