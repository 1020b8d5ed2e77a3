/** Several labels an image as values of Parquet and JSON: names or numbers, alone or in lists, or a list of 0 and 1. */
import { UnitscopeError } from "../errors.ts";
import { labelColumns, labelLists, type SeveralLabels } from "./several-labels.ts";
import { splitLabels, textLabelLists } from "./text-labels.ts";

/** The labels, and what they are called: names, or their numbers. */
export interface NamedLabels {
  readonly several: SeveralLabels;
  readonly classNames: readonly string[];
}

/**
 * Reads the labels of all images.
 *
 * Lists that all have the same length of two or more, and 0 and 1, true and false, or -1 and 1 in them, are columns, one
 * for each label; others hold the labels of an image. A text may hold several, with `;` or `|` between them.
 *
 * @param given one value an image.
 * @param options.names what numbered labels are called, where that is known.
 * @throws {UnitscopeError} `data` for a value that holds no labels, and where it cannot be told which of both lists are.
 */
export function labelsOfValues(
  given: readonly unknown[],
  {
    place,
    where,
    names,
    beside = [],
  }: {
    place: string;
    where: (image: number) => string;
    names?: readonly string[] | undefined;
    beside?: readonly string[];
  },
): NamedLabels {
  const width = matrixWidth(given, place);
  if (width !== undefined) {
    const columns = Array.from({ length: width }, (_, label) => `${label}`);
    const rows = given as readonly (readonly unknown[])[];
    const table = { kind: "matrix", imageCount: rows.length, columns, place } as const;
    return { several: labelColumns(table, (image, label) => rows[image][label], where), classNames: columns };
  }
  const texts = given.map((value, image) => {
    const list = Array.isArray(value)
      ? value.map(textOf)
      : typeof value === "string"
        ? splitLabels(value)
        : [textOf(value)];
    return list.map((text) => {
      if (text) return text;
      const got = (JSON.stringify(value, plainly) ?? "nothing").slice(0, 80);
      throw new UnitscopeError("data", `${where(image)}: expected names or numbers from 0 of labels, got ${got}`);
    });
  });
  const { lists, classNames } = textLabelLists(texts, place);
  const isNumbered = classNames.every((name, label) => name === `${label}`);
  if (isNumbered && names && names.length < classNames.length) {
    throw new UnitscopeError(
      "data",
      `${place}: expected labels below ${names.length}, as many as have names, got ${classNames.length - 1}`,
    );
  }
  return { several: labelLists(lists, beside), classNames: isNumbered && names ? names : classNames };
}

/** How many columns the lists are; nothing if they are an image's labels. */
function matrixWidth(given: readonly unknown[], place: string): number | undefined {
  const [first] = given;
  if (!Array.isArray(first) || first.length < 2) return undefined;
  let isSure = false;
  for (const row of given) {
    if (!Array.isArray(row) || row.length !== first.length) return undefined;
    const values = row.map((value: unknown) => (typeof value === "bigint" ? Number(value) : value));
    if (!values.every((value) => typeof value === "boolean" || value === 0 || value === 1 || value === -1))
      return undefined;
    isSure ||=
      new Set(values).size < values.length || values.some((value) => typeof value === "boolean" || value === -1);
  }
  if (isSure) return first.length;
  throw new UnitscopeError(
    "data",
    `${place}: expected lists of labels, or of 0 and 1 for each label, got lists of one 0 and one 1, which may be either; write labels' names`,
  );
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value.trim();
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 ? `${number}` : undefined;
}

function plainly(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
