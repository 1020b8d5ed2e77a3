/**
 * `unitscope ablate --label dog,cat`: a network for several labels an image, each of them in a run of its own in a
 * sub-folder, and a table of all. A run is that of its label alone, so each label's sweep passes all images once more.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClassList } from "../data/classes/class-list.ts";
import { classNamesOf } from "../data/classes/class-list.ts";
import { knownClasses } from "../data/classes/fit-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { imagesPerClass } from "../data/select-images.ts";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { layerSlugs } from "../files/layer-slugs.ts";
import { checkWorkers } from "../passes/thread-choice.ts";
import { openRun } from "../runs/run-folder.ts";
import { requireDevice } from "../runtime/require-device.ts";
import { doubles, integers, texts } from "../tables/table.ts";
import { type AblateRunOptions, ablateSubject, checkOptions, type RunEffects } from "./ablate-run.ts";
import { askedLabels, type NetworkLabel } from "./asked-labels.ts";
import { chooseLabel } from "./one-label.ts";
import { openParts, openSubject } from "./subject.ts";
import type { AblateRunResult } from "./write-ablation.ts";

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

/** A label's row in the table. */
export interface LabelRow {
  readonly label: string;
  /** The folder of its run. */
  readonly run: string;
  /** Images with the label, and without it. */
  readonly images_with: number;
  readonly images_without: number;
  /** Share of the images that the intact network gets right. */
  readonly accuracy: number;
  readonly units: number;
  /** Units with an effect on one of the two classes that is real at 5 % false discoveries in their layer. */
  readonly significant_units: number;
  /** The largest drop of one of the two classes, as a share of its images, and whose it is. */
  readonly max_class_drop: number;
  readonly max_class: string;
  readonly layer: string;
  readonly unit: number;
}

/** What was found. */
export interface AblateLabelsResult {
  readonly path: string;
  /** The table, a JSON file. */
  readonly table: string;
  readonly rows: readonly LabelRow[];
  readonly elapsedMs: number;
}

/** The table's file. */
const tableName = "labels.json";

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
 * Ablates for every label in turn; a call that is repeated on the same folder does what is missing. Of `all` labels,
 * those that all images have, or none, or of which nothing is said, are left out with a caution.
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
  const slugs = layerSlugs([tableName, ...classNamesOf(known)]);
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
    const result = await ablateSubject(
      await openSubject(modelPath, data, source),
      { ...options, label: text, out: run },
      {
        fetching,
        signal,
        ...(!isFinished(run) && { caution: say }),
        progress: (done, total) => progress?.((at + done / Math.max(1, total)) / labels.length, name),
      },
    );
    rows.push(rowOf(name, slugs[name], result));
    writeFileAtomic(join(out, tableName), `${JSON.stringify(rows, null, 2)}\n`);
  }
  progress?.(1, "done");
  return { path: out, table: join(out, tableName), rows, elapsedMs: performance.now() - began };
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

/** Whether a run needs no look at its images any more. */
function isFinished(path: string): boolean {
  return existsSync(join(path, "run.json")) && openRun(path, { isPartialFine: true }).manifest().finished !== null;
}

function rowOf(label: string, run: string, { subject, accuracy, units, summary }: AblateRunResult): LabelRow {
  const drops = doubles(units, "max_class_drop");
  const worst = drops.reduce((best, drop, row) => (drop > drops[best] ? row : best), 0);
  const [without, having] = imagesPerClass(subject.images);
  return {
    label,
    run,
    images_with: having,
    images_without: without,
    accuracy,
    units: units.rows,
    significant_units: integers(summary, "significant_units").reduce((sum, count) => sum + count, 0),
    max_class_drop: drops[worst],
    max_class: subject.images.classNames[integers(units, "max_class")[worst]] ?? "-",
    layer: texts(units, "layer")[worst],
    unit: integers(units, "unit")[worst],
  };
}
