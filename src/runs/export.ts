/** Tables of a run as text, for whatever reads no Parquet: `RUN/export/<table>.csv` or `.json`. */
import { UnitscopeError } from "../errors.ts";
import { openAtomicFile } from "../files/atomic-file.ts";
import type { TableName } from "../tables/schema.ts";
import { type Column, isMissing, type Table } from "../tables/table.ts";
import type { RunFolder } from "./run-folder.ts";

/**
 * `csv`: UTF-8, a header of exactly the column names, lines that end in LF, quotes as in RFC 4180, a missing value is
 * an empty field. `json`: an array with one object a row, a line each; a missing value is null.
 */
export type ExportFormat = "csv" | "json";

/** A file that was written. */
export interface ExportedFile {
  readonly table: TableName;
  readonly path: string;
  readonly rows: number;
}

/**
 * Writes every table of a run as text. Numbers are written so that reading them gives the same double back.
 * @throws {UnitscopeError} `run` if the run holds no table or a damaged one, or lacks one, `file` if the disk refuses.
 */
export async function exportRun(
  run: RunFolder,
  format: ExportFormat,
  { progress }: { progress?: (file: ExportedFile) => void } = {},
): Promise<ExportedFile[]> {
  run.requireTables();
  const names = run.tableNames();
  if (names.length === 0) {
    throw new UnitscopeError(
      "run",
      `run folder "${run.path}": expected tables to export, got none; finish the run first`,
    );
  }
  const files: ExportedFile[] = [];
  for (const table of names) {
    const path = run.file("export", `${table}.${format}`);
    const exported = { table, path, rows: await exportTable(run, table, format, path) };
    files.push(exported);
    progress?.(exported);
  }
  return files;
}

/** Rows that are in memory at once. */
const batchRows = 50_000;

async function exportTable(run: RunFolder, name: TableName, format: ExportFormat, path: string): Promise<number> {
  const table = await run.openTable(name);
  const file = openAtomicFile(path);
  const encoder = new TextEncoder();
  const write = (text: string): void => file.write(encoder.encode(text));
  try {
    write(format === "csv" ? `${table.columnNames.map(csvText).join(",")}\n` : "[");
    for (let start = 0; start < table.rows; start += batchRows) {
      const end = Math.min(table.rows, start + batchRows);
      const { columns } = await table.read({ start, end });
      const named = table.columnNames.map((column): [string, Column] => [column, columns[column]]);
      const rows = Array.from({ length: end - start }, (_, row) =>
        format === "csv" ? csvRow(named, row) : jsonRow(named, row),
      );
      if (format === "csv") write(rows.join(""));
      else write(`${start === 0 ? "\n" : ",\n"}${rows.join(",\n")}`);
    }
    if (format === "json") write("\n]\n");
    file.commit();
  } catch (cause) {
    file.abandon();
    throw cause;
  }
  return table.rows;
}

/** A table in memory as CSV text, by the rules above. */
export function tableCsv({ rows, columns }: Table): string {
  const named = Object.entries(columns);
  const header = `${named.map(([name]) => csvText(name)).join(",")}\n`;
  return header + Array.from({ length: rows }, (_, row) => csvRow(named, row)).join("");
}

function csvRow(columns: readonly [string, Column][], row: number): string {
  return `${columns.map(([, column]) => (isMissing(column, row) ? "" : csvText(String(column[row])))).join(",")}\n`;
}

function csvText(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function jsonRow(columns: readonly [string, Column][], row: number): string {
  return JSON.stringify(
    Object.fromEntries(columns.map(([name, column]) => [name, isMissing(column, row) ? null : column[row]])),
  );
}
