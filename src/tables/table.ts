/**
 * Tables in memory: columns side by side, numbers in typed arrays.
 *
 * A value may be missing (a class without images, an attribute of a layer that it was not asked for). Missing is NaN
 * for doubles, -1 for integers (all of ours are counts and indices), "" for text; files hold null there.
 */
import { listAllowed, UnitscopeError } from "../errors.ts";
import type { ColumnType } from "./column-schema.ts";

/** A column: int32 numbers, double numbers, or text. */
export type Column = Int32Array | Float64Array | readonly string[];

/** A table of `rows` rows; every column has that length. Read only. */
export interface Table {
  readonly rows: number;
  readonly columns: Readonly<Record<string, Column>>;
}

/** The missing value of int32 columns. */
export const noInteger = -1;

/** The type that a column is stored as. */
export function columnType(column: Column): ColumnType {
  if (column instanceof Int32Array) return "int32";
  return column instanceof Float64Array ? "double" : "string";
}

/**
 * Builds a table.
 * @throws {UnitscopeError} `internal` if the columns differ in length.
 */
export function makeTable(columns: Readonly<Record<string, Column>>): Table {
  const lengths = Object.entries(columns).map(([name, column]) => `${name} ${column.length}`);
  const rows = Object.values(columns)[0]?.length ?? 0;
  if (Object.values(columns).some((column) => column.length !== rows)) {
    throw new UnitscopeError("internal", `internal: table: expected columns of one length, got ${lengths.join(", ")}`);
  }
  return { rows, columns };
}

/** An int32 column; `place` names the table in the message. @throws {UnitscopeError} `run` if it is not there. */
export function integers(table: Table, name: string, place: string = "table"): Int32Array {
  const column = columnOf(table, name, place);
  if (column instanceof Int32Array) return column;
  throw wrongType(place, name, "int32", column);
}

/** A double column. @throws {UnitscopeError} `run` if it is not there. */
export function doubles(table: Table, name: string, place: string = "table"): Float64Array {
  const column = columnOf(table, name, place);
  if (column instanceof Float64Array) return column;
  throw wrongType(place, name, "double", column);
}

/** A text column. @throws {UnitscopeError} `run` if it is not there. */
export function texts(table: Table, name: string, place: string = "table"): readonly string[] {
  const column = columnOf(table, name, place);
  if (!(column instanceof Int32Array) && !(column instanceof Float64Array)) return column;
  throw wrongType(place, name, "string", column);
}

/** Whether the table has a column and any value in it is there. */
export function hasValues(table: Table, name: string): boolean {
  const column = table.columns[name];
  if (!column) return false;
  for (let row = 0; row < table.rows; row++) if (!isMissing(column, row)) return true;
  return false;
}

/** Whether a value is missing. */
export function isMissing(column: Column, row: number): boolean {
  const value = column[row];
  if (typeof value === "string") return value === "";
  return column instanceof Int32Array ? value === noInteger : Number.isNaN(value);
}

/** An empty column: every value missing. */
export function missingColumn(type: ColumnType, rows: number): Column {
  if (type === "int32") return new Int32Array(rows).fill(noInteger);
  return type === "double" ? new Float64Array(rows).fill(Number.NaN) : Array.from({ length: rows }, () => "");
}

/** The rows at `indices`, in that order; -1 gives a row of missing values. */
export function takeRows(table: Table, indices: ArrayLike<number>): Table {
  const columns: Record<string, Column> = {};
  for (const [name, column] of Object.entries(table.columns)) columns[name] = takeValues(column, indices);
  return { rows: indices.length, columns };
}

/** The rows for which `keep` holds. */
export function filterRows(table: Table, keep: (row: number) => boolean): Table {
  const indices: number[] = [];
  for (let row = 0; row < table.rows; row++) if (keep(row)) indices.push(row);
  return indices.length === table.rows ? table : takeRows(table, indices);
}

/** The rows whose text column `name` equals `value`, as most uses ask for one layer. */
export function rowsWhere(table: Table, name: string, value: string): Table {
  const column = texts(table, name);
  return filterRows(table, (row) => column[row] === value);
}

/** The rows of one table after another; a column that one of them lacks is missing there. */
export function concatTables(tables: readonly Table[]): Table {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const columns: Record<string, Column> = {};
  for (const table of tables) {
    for (const [name, column] of Object.entries(table.columns)) {
      columns[name] ??= missingColumn(columnType(column), rows);
    }
  }
  let start = 0;
  for (const table of tables) {
    for (const [name, column] of Object.entries(table.columns)) copyInto(columns[name], start, column, name);
    start += table.rows;
  }
  return { rows, columns };
}

/** The values of `keys` in each row as one text, for joins. */
export function rowKeys(table: Table, keys: readonly string[], place: string = "table"): string[] {
  const columns = keys.map((key) => columnOf(table, key, place));
  return Array.from({ length: table.rows }, (_, row) => columns.map((column) => String(column[row])).join("\u0000"));
}

function takeValues(column: Column, indices: ArrayLike<number>): Column {
  const taken = missingColumn(columnType(column), indices.length) as Int32Array | Float64Array | string[];
  for (let to = 0; to < indices.length; to++) {
    const from = indices[to];
    if (from >= 0) taken[to] = column[from] as never;
  }
  return taken;
}

function copyInto(target: Column, start: number, column: Column, name: string): void {
  if (columnType(target) !== columnType(column)) throw wrongType("table", name, columnType(target), column);
  if (target instanceof Int32Array || target instanceof Float64Array) target.set(column as Int32Array, start);
  else for (let row = 0; row < column.length; row++) (target as string[])[start + row] = column[row] as string;
}

function columnOf(table: Table, name: string, place: string): Column {
  const column = table.columns[name];
  if (column) return column;
  const present = listAllowed(Object.keys(table.columns));
  throw new UnitscopeError("run", `${place}: expected a column "${name}", got ${present}`);
}

function wrongType(place: string, name: string, expected: ColumnType, column: Column): UnitscopeError {
  return new UnitscopeError("run", `${place}: column "${name}": expected type ${expected}, got ${columnType(column)}`);
}
