/** How to make a run again, from what its manifest says was done; and what a reader must know of how it was made. */
import { dataTitle, type ManifestStep, type RunManifest } from "../runs/run-manifest.ts";

/** The run folder that the commands write. */
const again = "runs/again";

/** What a first look leaves out; nothing for other runs. */
export function notesOf(manifest: RunManifest): string[] {
  if (studyOf(manifest)?.["quick"] !== true) return [];
  const { options, data } = manifest;
  const few =
    typeof options["limit"] === "number"
      ? `at most ${options["limit"].toLocaleString("en")} images of every class (${data.images.toLocaleString("en")} in all), `
      : "";
  return [
    `A first look (--quick): ${few}concepts without what chance would do, sets of up to 10 units found step by step and random ones beside them, one random rotation. What is counted is exact on these images; without --quick there is more of it.`,
  ];
}

/** The commands that make the run again, as far as their options matter to its numbers. */
export function commandsOf(manifest: RunManifest): string[] {
  const { model, data, options, ablation, layers, steps } = manifest;
  const subject = [
    `${model.name} ${dataTitle(data.name)}`,
    `--layers ${layers.map(({ name }) => name).join(",")}`,
    ...(ablation.method === "zero" ? [] : [`--method ${ablation.method}`]),
    ...(typeof options["limit"] === "number" ? [`--limit ${options["limit"]}`] : []),
    ...(typeof options["preprocess"] === "string" ? [`--preprocess ${dataTitle(options["preprocess"])}`] : []),
  ].join(" ");
  const study = studyOf(manifest);
  if (study)
    return [`unitscope study ${subject}${conceptFlags(study)}${study["quick"] ? " --quick" : ""} --out ${again}`];
  const later = steps.flatMap((step) => laterCommand(step, steps) ?? []);
  return [`unitscope ablate ${subject} --out ${again}`, ...new Set(later), `unitscope report ${again}`];
}

/** Options of the study that made the run, if one did and nothing was done to it since. */
function studyOf({ steps }: RunManifest): ManifestStep["options"] | undefined {
  const last = steps.at(-1);
  return last?.command === "study" ? last.options : undefined;
}

function conceptFlags({ concepts }: ManifestStep["options"]): string {
  const sets = (concepts as readonly string[]).map(dataTitle).join(",");
  if (sets === "builtin") return "";
  return sets === "" ? " --no-concepts" : ` --concepts ${sets}`;
}

const withConcepts = "attributes --concepts";

/** Options of later commands that matter, with their flags and what they are by default. */
const laterFlags: Readonly<Record<string, readonly (readonly [option: string, flag: string, usual: unknown])[]>> = {
  attributes: [
    ["pool", "--pool", "mean"],
    ["shuffles", "--shuffles", 200],
    ["topImages", "--top", 9],
  ],
  sets: [
    ["strategies", "--strategy", undefined],
    ["size", "--size", 20],
    ["rankSplit", "--rank-split", 0.5],
    ["randomSequences", "--random-sequences", 100],
  ],
  rotate: [
    ["seeds", "--seeds", 5],
    ["fractions", "--fractions", "1"],
  ],
};

/** A later command; concepts are named and units described by one. */
function laterCommand({ command, options }: ManifestStep, steps: readonly ManifestStep[]): string | undefined {
  const aligned = steps.find((step) => step.command === withConcepts);
  if (command === "study" || command === withConcepts) return undefined;
  const flags = (laterFlags[command] ?? []).flatMap(([option, flag, usual]) => {
    const given = options[option];
    const text = Array.isArray(given) ? given.join(",") : given;
    const isPlain = typeof text === "string" || typeof text === "number";
    return isPlain && text !== usual ? [` ${flag} ${text}`] : [];
  });
  if (command === "rotate" && options["pca"] === false) flags.push(" --no-pca");
  if (command === "attributes" && aligned) {
    flags.push(` --concepts ${(aligned.options["concepts"] as readonly string[]).map(dataTitle).join(",")}`);
  }
  return `unitscope ${command} ${again}${flags.join("")}`;
}
