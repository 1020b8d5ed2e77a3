/**
 * ImageNet's own labels of its validation images, `ILSVRC2012_validation_ground_truth.txt`: a number a line, in an order
 * of classes that is the development kit's (`ILSVRC2012_ID`) and no network's. Only a table of those numbers makes classes
 * of them.
 */
import { UnitscopeError } from "../errors.ts";
import type { ListEntry } from "./list-entries.ts";

/** The table, beside the list: `<ILSVRC2012_ID> <WordNet id>` a line, as the development kit's `meta.mat` has them. */
export const devkitTable: RegExp = /^ilsvrc2012_ids\.txt$/i;

/** Whether a list holds numbers and nothing else. */
export function isBareNumbers(lines: readonly string[]): boolean {
  const filled = lines.filter((line) => line !== "");
  return filled.length > 0 && filled.every((line) => /^\d+$/.test(line));
}

/**
 * The images `ILSVRC2012_val_00000001.JPEG`, …, one a line, with their WordNet ids.
 *
 * @param list what to call the file in messages.
 * @param table the lines of the table of numbers, and what to call it; `undefined` if there is none.
 * @throws {UnitscopeError} `data` if there is none, or it is no such table, or lacks a number.
 */
export function devkitEntries(
  lines: readonly string[],
  list: string,
  table: { readonly lines: readonly string[]; readonly place: string } | undefined,
): ListEntry[] {
  if (!table) {
    throw new UnitscopeError(
      "data",
      `${list}: expected "path label" lines, or a file ILSVRC2012_ids.txt beside it that says which class each number is, got numbers alone; those of ImageNet's development kit are in an order of their own, not in that of networks (docs/bring-your-own.md)`,
    );
  }
  const ids = new Map<string, string>();
  for (const [at, line] of table.lines.entries()) {
    if (line === "") continue;
    const parts = /^(\d+)\s+(n\d{8})$/.exec(line);
    if (!parts || ids.has(parts[1])) {
      throw new UnitscopeError(
        "data",
        `${table.place}:${at + 1}: expected a number, once, and its WordNet id, got ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    ids.set(parts[1], parts[2]);
  }
  return lines
    .filter((line) => line !== "")
    .map((line, at) => {
      const label = ids.get(line);
      if (label === undefined) {
        throw new UnitscopeError("data", `${list}:${at + 1}: expected a number of ${table.place}, got ${line}`);
      }
      return { path: `ILSVRC2012_val_${`${at + 1}`.padStart(8, "0")}.JPEG`, label };
    });
}

/**
 * Refuses a list that gives the development kit's numbers with paths: its number of the first validation image is 490,
 * which as a place among the sorted WordNet ids would be another class than the image's (65).
 * @throws {UnitscopeError} `data` naming the line's image.
 */
export function refuseDevkitNumbers(entries: readonly ListEntry[], list: string): void {
  const first = entries.find(({ path }) => /(^|\/)ILSVRC2012_val_00000001\.JPEG$/i.test(path));
  if (first?.label !== "490" && first?.label !== "489") return;
  throw new UnitscopeError(
    "data",
    `${list}: expected ${first.path} to be number 65, its class's place among the sorted WordNet ids, got ${first.label}, which is the development kit's order; use WordNet ids (docs/bring-your-own.md)`,
  );
}
