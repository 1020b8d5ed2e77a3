/**
 * `labels.json`: a row for every label that was measured in a folder, by one command or by several, all of the same
 * network, images, layers and method, so that the rows can be compared.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { imagesPerClass } from "../data/select-images.ts";
import { UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { firstDifference, type Json } from "../files/canonical-json.ts";
import { diskError } from "../files/disk-error.ts";
import { withLock } from "../files/lock.ts";
import { parseJson } from "../files/parse-json.ts";
import { openRun } from "../runs/run-folder.ts";
import { doubles, integers, texts } from "../tables/table.ts";
import type { AblateRunResult } from "./write-ablation.ts";

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
  /** The layers whose units the rest is of, and how many units they have. */
  readonly layers: readonly string[];
  readonly units: number;
  /** Units with an effect on one of the two classes that is real at 5 % false discoveries in their layer. */
  readonly significant_units: number;
  /** The largest drop of one of the two classes, as a share of its images, and whose it is. */
  readonly max_class_drop: number;
  readonly max_class: string;
  readonly layer: string;
  readonly unit: number;
}

const rowSchema: z.ZodType<LabelRow> = z.object({
  label: z.string(),
  run: z.string(),
  images_with: z.int().min(0),
  images_without: z.int().min(0),
  accuracy: z.number(),
  layers: z.array(z.string()),
  units: z.int().min(1),
  significant_units: z.int().min(0),
  max_class_drop: z.number(),
  max_class: z.string(),
  layer: z.string(),
  unit: z.int().min(0),
});

/** The table's file. */
export const tableName = "labels.json";

/** The row of a label that was measured; `run` is the folder of its run. */
export function rowOf(label: string, run: string, result: AblateRunResult): LabelRow {
  const { subject, accuracy, units, summary, layers } = result;
  const drops = doubles(units, "max_class_drop");
  const worst = drops.reduce((best, drop, row) => (drop > drops[best] ? row : best), 0);
  const [without, having] = imagesPerClass(subject.images);
  return {
    label,
    run,
    images_with: having,
    images_without: without,
    accuracy,
    layers: layers.map(({ name }) => name),
    units: units.rows,
    significant_units: integers(summary, "significant_units").reduce((sum, count) => sum + count, 0),
    max_class_drop: drops[worst],
    max_class: subject.images.classNames[integers(units, "max_class")[worst]] ?? "-",
    layer: texts(units, "layer")[worst],
    unit: integers(units, "unit")[worst],
  };
}

/**
 * Writes rows in place of those of the same labels; those of others stay, in the order of the network's outputs. A row
 * whose run is gone goes too, and one of other layers, whose label will be measured again.
 * @param names the network's labels.
 * @throws {UnitscopeError} as `heldRows`.
 */
export async function addRows(out: string, rows: readonly LabelRow[], names: readonly string[]): Promise<void> {
  await withLock(join(out, ".labels"), async () => {
    const own = new Set(rows.map(({ label }) => label));
    const layers = sorted(rows[0]?.layers ?? []).join();
    const others = heldRows(out).filter((row) => !own.has(row.label) && sorted(row.layers).join() === layers);
    const all = [...others, ...rows];
    const ordered = all.sort((a, b) => names.indexOf(a.label) - names.indexOf(b.label));
    writeFileAtomic(join(out, tableName), `${JSON.stringify(ordered, null, 2)}\n`);
  });
}

/**
 * The rows that a folder holds, of runs that are still there.
 * @throws {UnitscopeError} `run` if the table is none.
 */
export function heldRows(out: string): LabelRow[] {
  const path = join(out, tableName);
  if (!existsSync(path)) return [];
  let value: unknown;
  try {
    value = parseJson(readFileSync(path, "utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw diskError(path, cause);
  }
  const parsed = z.array(rowSchema).safeParse(value);
  if (parsed.success) return parsed.data.filter(({ run }) => existsSync(join(out, run, "run.json")));
  const [issue] = parsed.error.issues;
  throw new UnitscopeError(
    "run",
    `${path}: ${issue.path.join(".")}: expected a table of labels, got: ${issue.message}; delete it, and name its labels again: what is measured is not measured again`,
  );
}

/** Under which settings labels are measured. */
export interface LabelSettings {
  readonly model: { readonly sha256: string };
  readonly preprocessing: Json;
  readonly ablation: Json;
  /** Names of the layers. */
  readonly layers: readonly string[];
  /**
   * The hash of a label's images, by its name.
   * @throws {UnitscopeError} if they have no such label.
   */
  dataHash(label: string): Promise<string>;
}

/**
 * Checks that rows were measured under the same settings as others will be.
 * @throws {UnitscopeError} `run` with the label and what differs.
 */
export async function requireSameSettings(
  out: string,
  rows: readonly LabelRow[],
  { model, preprocessing, ablation, layers, dataHash }: LabelSettings,
): Promise<void> {
  for (const { label, run, layers: own } of rows) {
    const held = openRun(join(out, run), { isPartialFine: true }).manifest();
    const settings = { model: { sha256: held.model.sha256 }, preprocessing: held.preprocessing };
    const difference =
      firstDifference(
        { ...settings, ablation: plain(held.ablation), layers: sorted(own) },
        { model: { sha256: model.sha256 }, preprocessing, ablation, layers: sorted(layers) },
      ) ?? firstDifference({ data: { hash: held.data.hash } }, { data: { hash: await dataHash(label) } });
    if (difference === undefined) continue;
    throw new UnitscopeError(
      "run",
      `run folder "${out}": label "${label}", which its table holds: ${difference}; choose another folder`,
    );
  }
}

function sorted(names: readonly string[]): string[] {
  return [...names].sort();
}

/** A value as JSON. */
export function plain(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
