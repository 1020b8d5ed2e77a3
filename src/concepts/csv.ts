/** Reads CSV files (RFC 4180, without line breaks inside fields) line by line, with messages that name file and row. */
import { open } from "node:fs/promises";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";

/** One row: its fields by column, and its line in the file (the header is line 1). */
export interface CsvRow {
  readonly line: number;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Streams the rows of a CSV file with a header. Empty lines are skipped.
 *
 * @param required columns that the header must have.
 * @throws {UnitscopeError} `file` if it cannot be read; `data` for a missing column or a row with another number of
 * fields, a cut last line among them.
 */
export async function* readCsv(path: string, required: readonly string[]): AsyncGenerator<CsvRow> {
  let header: string[] | undefined;
  let line = 0;
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "a CSV file" });
  }
  try {
    for await (const text of file.readLines()) {
      line++;
      if (text.trim() === "") continue;
      const fields = splitFields(line === 1 ? text.replace(/^\uFEFF/, "") : text);
      if (!header) {
        header = fields;
        const missing = required.filter((name) => !fields.includes(name));
        if (missing.length > 0) {
          throw new UnitscopeError(
            "data",
            `${path}: expected columns ${required.join(", ")}, got ${fields.join(", ")}`,
          );
        }
        continue;
      }
      if (fields.length !== header.length) {
        throw new UnitscopeError(
          "data",
          `${path}: row ${line}: expected ${header.length} fields, got ${fields.length}; the file may be truncated`,
        );
      }
      yield { line, fields: Object.fromEntries(header.map((name, i) => [name, fields[i]])) };
    }
  } finally {
    await file.close();
  }
  if (!header) throw new UnitscopeError("data", `${path}: expected a header, got an empty file`);
}

/** Splits a line at its commas; a quoted field may hold commas, and `""` for a quote. */
function splitFields(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i];
    if (quoted && char === '"' && line[i + 1] === '"') {
      field += '"';
      i++;
    } else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      fields.push(field);
      field = "";
    } else field += char;
  }
  fields.push(field);
  return fields;
}

/**
 * A field that must hold a whole number.
 * @throws {UnitscopeError} `data` naming file, row and column.
 */
export function integerField(path: string, { line, fields }: CsvRow, column: string): number {
  const text = fields[column] ?? "";
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UnitscopeError("data", `${path}: row ${line}: expected a whole number for ${column}, got "${text}"`);
}
