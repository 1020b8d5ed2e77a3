/**
 * Broden as it is distributed (Bau et al. 2017): `index.csv` names every image with its label maps, one column a
 * category; `label.csv` lists the concepts. A cell holds file names and label numbers joined by `;`; a label PNG holds
 * `R + 256 · G`; a number labels the whole image; 0 is no label.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { decodeImageFile } from "../data/decode-image.ts";
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { type Concept, type ConceptSet, isLabelSize, MAX_CONCEPTS, makeLabelMaps } from "./concept-set.ts";
import { type CsvRow, integerField, readCsv } from "./csv.ts";
import { fingerprintFiles } from "./file-fingerprint.ts";
import { labelNumbers, readPng } from "./png-labels.ts";

/** Which part of a set to read; sets without splits have only `all`. */
export type ConceptSplit = "train" | "val" | "all";

/** A row of `index.csv`. */
interface BrodenImage {
  readonly line: number;
  readonly file: string;
  readonly height: number;
  readonly width: number;
  /** Cells by category, empty ones left out. */
  readonly cells: readonly (readonly [category: string, cell: string])[];
}

/** The concepts, and how to find them. */
interface BrodenLabels {
  readonly concepts: readonly Concept[];
  /** Place in `concepts` by label number. */
  readonly places: ReadonlyMap<number, number>;
  /** Every category that `label.csv` gives a label, by label number. */
  readonly categories: ReadonlyMap<number, readonly string[]>;
}

const fixedColumns = ["image", "split", "ih", "iw", "sh", "sw"] as const;

/**
 * Opens a folder in Broden's layout.
 *
 * A label that `label.csv` gives several categories (`door,object(12);part(30)`) counts as a concept of the one with
 * the highest frequency, the first of a tie, wherever it is drawn, as in Network Dissection.
 *
 * @throws {UnitscopeError} `data` naming file and row for a table that is truncated or disagrees with another.
 */
export async function openBroden(
  folder: string,
  { split = "all" }: { split?: ConceptSplit } = {},
): Promise<ConceptSet> {
  const categories = await readCategories(folder);
  const labels = await readLabelList(folder, categories);
  for (const category of categories) await checkCategoryList(folder, category, labels);
  const indexPath = join(folder, "index.csv");
  const images: BrodenImage[] = [];
  const splits = new Set<string>();
  for await (const row of readCsv(indexPath, [...fixedColumns, ...categories])) {
    splits.add(row.fields["split"] ?? "");
    if (split !== "all" && row.fields["split"] !== split) continue;
    images.push(readRow(indexPath, row, categories));
  }
  if (images.length === 0) {
    throw new UnitscopeError(
      "data",
      `${indexPath}: expected images of split ${split}, got none; splits there: ${[...splits].join(", ") || "none"}`,
    );
  }
  const files = await fingerprintFiles(
    join(folder, "images"),
    images.flatMap(({ line, file, cells }) =>
      [file, ...cells.flatMap(([, cell]) => partsOf(cell).filter((part) => !isNumber(part)))].map((each) => ({
        file: each,
        place: `${indexPath}: row ${line}`,
      })),
    ),
  );
  return {
    name: folder,
    format: "Broden",
    concepts: labels.concepts,
    imageCount: images.length,
    hash: sha256(JSON.stringify([labels.concepts, images]), files),
    imageName: (image) => images[image]?.file ?? `image ${image}`,
    read: async (image) => decodeImageFile(join(folder, "images", images[image].file)),
    labels: async (image) => readImageLabels(folder, indexPath, images[image], labels),
  };
}

/** Whether a folder has Broden's tables. */
export async function isBroden(folder: string): Promise<boolean> {
  const found = await Promise.all(
    ["index.csv", "label.csv"].map((name) =>
      access(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

async function readCategories(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { fields } of readCsv(join(folder, "category.csv"), ["name"])) names.push(fields["name"] ?? "");
  return names;
}

async function readLabelList(folder: string, known: readonly string[]): Promise<BrodenLabels> {
  const path = join(folder, "label.csv");
  const concepts: Concept[] = [];
  const places = new Map<number, number>();
  const categories = new Map<number, readonly string[]>();
  for await (const row of readCsv(path, ["number", "name", "category"])) {
    const number = integerField(path, row, "number");
    const name = row.fields["name"] ?? "";
    if (number === 0) continue; // some copies list the background
    if (places.has(number)) {
      throw new UnitscopeError("data", `${path}: row ${row.line}: expected each number once, got ${number} again`);
    }
    if (number > MAX_CONCEPTS) {
      throw new UnitscopeError(
        "data",
        `${path}: row ${row.line}: expected number in 1..${MAX_CONCEPTS}, got ${number}`,
      );
    }
    const listed = parseCategories(path, row, known);
    const most = Math.max(...listed.map(({ frequency }) => frequency));
    const category = listed.find(({ frequency }) => frequency === most)?.category ?? "";
    places.set(number, concepts.length);
    categories.set(
      number,
      listed.map((each) => each.category),
    );
    concepts.push({ name, category, number });
  }
  if (concepts.length === 0) throw new UnitscopeError("data", `${path}: expected labels, got none`);
  return { concepts, places, categories };
}

/** `object(12);part(30)` with the frequencies in brackets. */
function parseCategories(
  path: string,
  { line, fields }: CsvRow,
  known: readonly string[],
): { category: string; frequency: number }[] {
  return (fields["category"] ?? "").split(";").map((text) => {
    const [, category = "", frequency = "0"] = /^\s*([^()]+?)\s*(?:\((\d+)\))?\s*$/.exec(text) ?? [];
    if (!known.includes(category)) {
      throw new UnitscopeError(
        "data",
        `${path}: row ${line}: expected a category of category.csv (${known.join(", ")}), got "${text}"`,
      );
    }
    return { category, frequency: Number(frequency) };
  });
}

/** `c_object.csv` and the like repeat what `label.csv` says; where they are present they must agree with it. */
async function checkCategoryList(folder: string, category: string, labels: BrodenLabels): Promise<void> {
  const path = join(folder, `c_${category}.csv`);
  if (
    !(await access(path).then(
      () => true,
      () => false,
    ))
  )
    return;
  for await (const row of readCsv(path, ["number", "name"])) {
    const number = integerField(path, row, "number");
    if (number === 0) continue;
    const concept = labels.concepts[labels.places.get(number) ?? -1];
    if (!concept || concept.name !== row.fields["name"] || !labels.categories.get(number)?.includes(category)) {
      const rule = concept
        ? `label ${number} to be "${concept.name}" of ${labels.categories.get(number)?.join(", ")} as in label.csv`
        : "a number of label.csv";
      throw new UnitscopeError(
        "data",
        `${path}: row ${row.line}: expected ${rule}, got ${number} "${row.fields["name"]}" of ${category}`,
      );
    }
  }
}

function readRow(path: string, row: CsvRow, categories: readonly string[]): BrodenImage {
  const [height, width] = [integerField(path, row, "sh"), integerField(path, row, "sw")];
  if (!isLabelSize(height, width)) {
    throw new UnitscopeError("data", `${path}: row ${row.line}: expected a size of labels, got ${height}×${width}`);
  }
  return {
    line: row.line,
    file: row.fields["image"] ?? "",
    height,
    width,
    cells: categories
      .map((category) => [category, (row.fields[category] ?? "").trim()] as const)
      .filter(([, cell]) => cell !== ""),
  };
}

/** File names and label numbers of a cell. */
function partsOf(cell: string): string[] {
  return cell
    .split(";")
    .map((text) => text.trim())
    .filter((text) => text !== "");
}

function isNumber(part: string): boolean {
  return /^\d+$/.test(part);
}

async function readImageLabels(
  folder: string,
  indexPath: string,
  { line, height, width, cells }: BrodenImage,
  labels: BrodenLabels,
): ReturnType<ConceptSet["labels"]> {
  const maps: Uint16Array[] = [];
  const whole: number[] = [];
  for (const [category, cell] of cells) {
    for (const part of partsOf(cell)) {
      if (isNumber(part)) {
        if (Number(part) > 0) whole.push(placeOf(`${indexPath}: row ${line}`, category, Number(part), labels));
        continue;
      }
      const place = `${indexPath}: row ${line}: ${part}`;
      const png = await readPng(join(folder, "images", part), place);
      if (png.height !== height || png.width !== width) {
        throw new UnitscopeError(
          "data",
          `${place}: expected ${height}×${width} labels (sh, sw), got ${png.height}×${png.width}`,
        );
      }
      maps.push(renumber(labelNumbers(png), place, category, labels));
    }
  }
  return makeLabelMaps(indexPath, height, width, maps, whole);
}

/** Turns label numbers into 1 + places, in place. */
function renumber(numbers: Uint16Array, place: string, category: string, labels: BrodenLabels): Uint16Array {
  let last = 0;
  let lastPlace = 0;
  for (let pixel = 0; pixel < numbers.length; pixel++) {
    const number = numbers[pixel];
    if (number !== last) {
      lastPlace = number === 0 ? 0 : 1 + placeOf(place, category, number, labels);
      last = number;
    }
    numbers[pixel] = lastPlace;
  }
  return numbers;
}

function placeOf(place: string, category: string, number: number, { places, categories }: BrodenLabels): number {
  const found = places.get(number);
  if (found === undefined) throw new UnitscopeError("data", `${place}: expected labels of label.csv, got ${number}`);
  if (!categories.get(number)?.includes(category)) {
    throw new UnitscopeError(
      "data",
      `${place}: expected labels of category ${category}, got ${number} of ${categories.get(number)?.join(", ")}`,
    );
  }
  return found;
}
