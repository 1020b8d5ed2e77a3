/**
 * `unitscope ablate --label dog,cat`: a network for several labels an image, each of them in a run of its own in a
 * sub-folder, and a table of all. A run is that of its label alone, so each label's sweep passes all images once more.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ablationKey } from "../ablation/ablation-methods.ts";
import type { ClassList } from "../data/classes/class-list.ts";
import { classNamesOf } from "../data/classes/class-list.ts";
import { knownClasses } from "../data/classes/fit-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { layerSlugs } from "../files/layer-slugs.ts";
import { checkWorkers } from "../passes/thread-choice.ts";
import { openRun } from "../runs/run-folder.ts";
import type { Model } from "../runtime/open-model.ts";
import { requireDevice } from "../runtime/require-device.ts";
import { type AblateRunOptions, ablateSubject, checkOptions, type RunEffects } from "./ablate-run.ts";
import { askedLabels, type NetworkLabel, textFor } from "./asked-labels.ts";
import { chooseLayers } from "./choose-layers.ts";
import {
  addRows,
  heldRows,
  type LabelRow,
  type LabelSettings,
  plain,
  requireSameSettings,
  rowOf,
  tableName,
} from "./labels-table.ts";
import { chooseLabel } from "./one-label.ts";
import { openParts, openSubject, preprocessingJson, type Subject } from "./subject.ts";

/** Options: those of `unitscope ablate`, with labels. */
export interface AblateLabelsOptions extends AblateRunOptions {
  /** Names or numbers with commas between them, or `all`. */
  readonly label: string;
}

/** What a caller may watch and stop. */
export interface AblateLabelsEffects extends Pick<RunEffects, "fetching" | "caution" | "signal"> {
  /** How much of everything is done, from 0 to 1, and the label that is measured. */
  readonly progress?: ((share: number, label: string) => void) | undefined;
}

/** What was found. */
export interface AblateLabelsResult {
  readonly path: string;
  /** The table, a JSON file; it also has the labels that earlier calls measured in the folder. */
  readonly table: string;
  /** The rows of the labels that were asked for. */
  readonly rows: readonly LabelRow[];
  /** How many labels the table has. */
  readonly labelCount: number;
  readonly elapsedMs: number;
}

/**
 * Labels of a network that are asked for.
 * @throws {UnitscopeError} `data` for one that it has not.
 */
async function labelsOf(
  { classCount, metadata }: { readonly classCount: number; readonly metadata: ReadonlyMap<string, string> },
  { modelPath, classes, label }: { modelPath: string; classes?: string | undefined; label: string },
): Promise<{ known: ClassList; labels: readonly NetworkLabel[] }> {
  const place = `model "${modelPath}"`;
  const named = await knownClasses({ place, classCount, metadata }, classes);
  return askedLabels(label, { place, classCount, named });
}

/**
 * Ablates for every label in turn; a call that is repeated on the same folder does what is missing, and one with other
 * labels adds them, if all else is the same. Of `all` labels, those that all images have, or none, or of which nothing is
 * said, are left out with a caution.
 *
 * @throws {UnitscopeError} as `runAblate`, before anything is written for each label that is asked for by name.
 */
export async function ablateLabels(
  modelPath: string,
  data: string,
  options: AblateLabelsOptions,
  { fetching, caution, progress, signal }: AblateLabelsEffects = {},
): Promise<AblateLabelsResult> {
  const began = performance.now();
  refuseEarlyEnd(options);
  checkOptions(options);
  checkWorkers(options);
  await requireDevice(options.provider);
  const { out, classes } = options;
  const { opened, set } = await openParts(modelPath, data, { ...options, progress: fetching, signal });
  const { known, labels: asked } = await labelsOf(opened, { ...options, modelPath });
  const names = classNamesOf(known);
  const slugs = layerSlugs([tableName, ...names]);
  requireOwnFolder(out, Object.values(slugs));
  const left = new Map<string, string>();
  const labels: NetworkLabel[] = [];
  for (const label of asked) {
    const why = await lackOf(set, label, { ...opened, modelPath, classes });
    if (why && options.label !== "all") throw why;
    if (why) left.set(label.name, why.message);
    else labels.push(label);
  }
  if (labels.length === 0) {
    throw new UnitscopeError("data", `data "${set.name}": expected images with a label and without, got none for any`);
  }
  for (const why of left.values()) caution?.(`left out: ${why}`);
  const said = new Set<string>();
  const rows: LabelRow[] = [];
  for (const [at, { name, text }] of labels.entries()) {
    signal?.throwIfAborted();
    progress?.(at / labels.length, name);
    const run = join(out, slugs[name]);
    const source = { ...options, label: text, set, progress: fetching, signal };
    const say = (caution_: string): void => {
      if (!said.has(caution_)) caution?.(`label "${name}": ${caution_}`);
      said.add(caution_);
    };
    const subject = await openSubject(modelPath, data, source);
    const wanted = new Set(labels.map((each) => each.name));
    const others = heldRows(out).filter((row) => !wanted.has(row.label));
    await requireSameSettings(out, others, settingsOf(subject, { ...options, modelPath, set, known, opened }));
    const result = await ablateSubject(
      subject,
      { ...options, label: text, out: run },
      {
        fetching,
        signal,
        ...(!isFinished(run) && { caution: say }),
        progress: (done, total) => progress?.((at + done / Math.max(1, total)) / labels.length, name),
      },
    );
    rows.push(rowOf(name, slugs[name], result));
    await addRows(out, rows, names);
  }
  progress?.(1, "done");
  const labelCount = heldRows(out).length;
  return { path: out, table: join(out, tableName), rows, labelCount, elapsedMs: performance.now() - began };
}

/** What ends a sweep early is of one sweep. @throws {UnitscopeError} `usage`. */
function refuseEarlyEnd(options: AblateLabelsOptions): void {
  const early = (["until", "budget"] as const).find((name) => options[name] !== undefined);
  if (!early) return;
  throw new UnitscopeError("usage", `option "${early}": expected one label with it, got "${options.label}"`);
}

/** @throws {UnitscopeError} `run` if a folder holds a run, or anything but runs of labels. */
function requireOwnFolder(out: string, own: readonly string[]): void {
  if (!existsSync(out)) return;
  const others = readdirSync(out).filter((name) => !name.startsWith(".") && !own.includes(name));
  if (others.length === 0) return;
  throw new UnitscopeError(
    "run",
    `run folder "${out}": expected an empty folder or one of runs of labels, got ${listAllowed(others)}; choose another folder`,
  );
}

/** Why nothing can be measured of a label on these images; nothing if it can. Other errors are thrown. */
async function lackOf(
  set: ImageSet,
  { text }: NetworkLabel,
  {
    modelPath,
    classes,
    ...outputs
  }: { modelPath: string; classes: string | undefined; classCount: number; metadata: ReadonlyMap<string, string> },
): Promise<UnitscopeError | undefined> {
  try {
    const choice = await chooseLabel(text, { modelPath, classes });
    choice.pick(outputs);
    choice.under(set);
    return undefined;
  } catch (error) {
    if (error instanceof UnitscopeError && error.details["untold"] !== undefined) return error;
    throw error;
  }
}

/** What rows of one table have in common. */
function settingsOf(
  { model, preprocessing }: Subject,
  options: AblateLabelsOptions & { modelPath: string; set: ImageSet; known: ClassList; opened: Model },
): LabelSettings {
  const { modelPath, set, known, opened, classes, limit } = options;
  return {
    model,
    preprocessing: preprocessingJson(preprocessing),
    ablation: plain(ablationKey(options)),
    layers: chooseLayers(model, options).map(({ name }) => name),
    dataHash: async (label) => {
      const names = classNamesOf(known);
      const number = names.indexOf(label);
      if (number < 0) return "of labels without it";
      const choice = await chooseLabel(textFor(number, known, names), { modelPath, classes, limit });
      choice.pick(opened);
      return choice.under(set).images.hash;
    },
  };
}

/** Whether a run needs no look at its images any more. */
function isFinished(path: string): boolean {
  return existsSync(join(path, "run.json")) && openRun(path, { isPartialFine: true }).manifest().finished !== null;
}
