/**
 * Images that have several labels each, or none: as lists of an image's labels, or as a table with a column for each label.
 * A label is read when it is asked for, so that what else stands in a table does no harm.
 */
import { UnitscopeError } from "../errors.ts";

/** Which labels the images of a set have; labels are called by the set's `classNames` and numbered in their order. */
export interface SeveralLabels {
  /**
   * `lists`: all names are those of labels; `columns`: they are those of a table's columns, some of which may be no labels;
   * `matrix`: columns without names, one for each of a network's labels in the order of its outputs.
   */
  readonly kind: "lists" | "columns" | "matrix";
  /** Names of columns beside that of the lists. */
  readonly beside: readonly string[];
  /**
   * Which images have a label.
   * @throws {UnitscopeError} `data` for a value of its column that does not say.
   */
  read(label: number): LabelPresence;
  /** What is said of a label for every image: 1, 0 or -1; `undefined` for a value that does not say. */
  signs(label: number): readonly Sign[];
}

/** Whether an image has a label: 1 for yes, 0 or -1 for no. */
export type Sign = 0 | 1 | -1 | undefined;

/** Which images have a label. */
export interface LabelPresence {
  /** 1 for an image with the label, 0 for one without, `[imageCount]`. */
  readonly present: Int32Array;
  /** Whether -1, not 0, stands for images without. */
  readonly isSigned: boolean;
}

/** Several labels as lists: of every image, the numbers of its labels. */
export function labelLists(lists: readonly Int32Array[], beside: readonly string[] = []): SeveralLabels {
  const signs: SeveralLabels["signs"] = (label) => lists.map((own) => (own.includes(label) ? 1 : 0));
  return {
    kind: "lists",
    beside,
    read: (label) => ({ present: Int32Array.from(signs(label), Number), isSigned: false }),
    signs,
  };
}

/**
 * Several labels as a table: 1, true for an image with a column's label, 0, false for one without; or 1 and -1.
 *
 * @param kind `lists` where all columns are labels.
 * @param value what stands in the column of a label, as text, number or truth value.
 * @param where what to call an image in messages.
 */
export function labelColumns(
  {
    kind,
    imageCount,
    columns,
    place,
  }: {
    kind: SeveralLabels["kind"];
    imageCount: number;
    columns: readonly string[];
    /** What to call the table. */
    place: string;
  },
  value: (image: number, label: number) => unknown,
  where: (image: number) => string,
): SeveralLabels {
  return {
    kind,
    beside: [],
    signs: (label) => Array.from({ length: imageCount }, (_, image) => signOf(value(image, label))),
    read: (label) => {
      const first = new Map<number, number>();
      const values = Int32Array.from({ length: imageCount }, (_, image) => {
        const sign = signOf(value(image, label));
        if (sign === undefined) {
          throw new UnitscopeError(
            "data",
            `${where(image)}: "${columns[label]}": expected 0 or 1 (or -1 or 1), got ${described(value(image, label))}`,
          );
        }
        if (!first.has(sign)) first.set(sign, image);
        return sign;
      });
      const [zero, negative] = [first.get(0), first.get(-1)];
      if (zero !== undefined && negative !== undefined) {
        throw new UnitscopeError(
          "data",
          `${place}: "${columns[label]}": expected 0 and 1, or -1 and 1, got 0 (${where(zero)}) and -1 (${where(negative)}), which may mean that one is not sure; write 0 or 1 for every image, or leave images out`,
        );
      }
      return { present: values.map((sign) => Number(sign === 1)), isSigned: negative !== undefined };
    },
  };
}

/** The labels of some images of a set. */
export function labelsOfImages(several: SeveralLabels, images: Int32Array): SeveralLabels {
  return {
    ...several,
    read: (label) => {
      const { present, isSigned } = several.read(label);
      return { present: images.map((image) => present[image]), isSigned };
    },
    signs: (label) => {
      const all = several.signs(label);
      return Array.from(images, (image) => all[image]);
    },
  };
}

/**
 * The labels of several sets, one after the other.
 *
 * @param parts a set's labels with their names and its number of images.
 * @param names what they are called in the joined set.
 * @param place what to call it.
 * @throws {UnitscopeError} `data` if one has lists where another has columns; on reading, if a part lacks a column.
 */
export function joinLabels(
  parts: readonly { several: SeveralLabels; names: readonly string[]; imageCount: number; name: string }[],
  names: readonly string[],
  place: string,
): SeveralLabels {
  const kinds = [...new Set(parts.map(({ several }) => several.kind))];
  const [kind = "lists", other] = kinds;
  if (other !== undefined) {
    throw new UnitscopeError("data", `${place}: expected labels of one kind in all parts, got ${kind} and ${other}`);
  }
  return {
    kind,
    signs: (label) =>
      parts.flatMap(({ several, names: own, imageCount }): readonly Sign[] => {
        const at = own.indexOf(names[label]);
        return at >= 0 ? several.signs(at) : Array<Sign>(imageCount).fill(kind === "lists" ? 0 : undefined);
      }),
    beside: [...new Set(parts.flatMap(({ several }) => several.beside))],
    read: (label) => {
      const read = parts.map(({ several, names: own, imageCount, name }) => {
        const at = own.indexOf(names[label]);
        if (at >= 0) return several.read(at);
        if (kind === "lists") return { present: new Int32Array(imageCount), isSigned: false };
        throw new UnitscopeError(
          "data",
          `${name}: expected a column "${names[label]}" as in the other parts, got none`,
        );
      });
      const isSigned = read.some((each) => each.isSigned);
      const zeros = read.findIndex((each) => !each.isSigned && each.present.includes(0));
      if (isSigned && zeros >= 0) {
        throw new UnitscopeError(
          "data",
          `${place}: "${names[label]}": expected 0 and 1, or -1 and 1, got 0 in ${parts[zeros].name} and -1 in another part`,
        );
      }
      return { present: Int32Array.from(read.flatMap(({ present }) => [...present])), isSigned };
    },
  };
}

/** 1, 0 or -1; `undefined` for anything else. */
function signOf(value: unknown): Sign {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string") return texts.get(value.trim().toLowerCase());
  const number = typeof value === "bigint" ? Number(value) : value;
  if (number === 0) return 0; // also -0
  return number === 1 || number === -1 ? number : undefined;
}

const texts: ReadonlyMap<string, Sign> = new Map<string, Sign>([
  ...["1", "1.0", "true"].map((text) => [text, 1] as const),
  ...["0", "0.0", "false"].map((text) => [text, 0] as const),
  ...["-1", "-1.0"].map((text) => [text, -1] as const),
]);

function described(value: unknown): string {
  if (value === undefined || value === null || value === "") return "nothing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "bigint") return String(value);
  return (JSON.stringify(value) ?? typeof value).slice(0, 40);
}
