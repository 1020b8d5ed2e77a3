/**
 * Tables ↔ Parquet files, through hyparquet and hyparquet-writer. Missing values are null in the file; key columns
 * are REQUIRED, all others OPTIONAL, so that every reader sees the same types whatever is missing.
 */
import type { AsyncBuffer, DecodedArray, FileMetaData, SchemaElement } from "hyparquet";
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { listAllowed, messageOf, UnitscopeError } from "../errors.ts";
import { openAtomicFile } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
import type { ColumnType } from "../tables/column-schema.ts";
import { type TableName, tableSchemas } from "../tables/schema.ts";
import {
  type Column,
  columnType,
  isMissing,
  makeTable,
  missingColumn,
  noInteger,
  type Table,
} from "../tables/table.ts";

/** Rows per row group: small enough to stream, large enough to compress. */
const groupRows = 100_000;

/** A Parquet file that is being written, piece by piece. */
export interface TableWriter {
  /** Appends rows; every table must have the same columns as the first. */
  append(table: Table): void;
  /** Finishes the file and moves it to its place. */
  commit(): void;
  /** Drops what was written. */
  abandon(): void;
}

/**
 * Starts a table's file; rows go to the disk as they come.
 * @throws {UnitscopeError} `internal` if a column is not in the schema, `file` if the disk refuses.
 */
export function openTableWriter(path: string, name: TableName): TableWriter {
  const file = openAtomicFile(path);
  const buffer = new ByteWriter();
  const flush = (): void => {
    file.write(buffer.getBytes());
    buffer.index = 0;
  };
  const sink = Object.assign(buffer, { flush, finish: flush });
  let writer: ParquetWriter | undefined;
  let columnNames = "";
  const guard = <T>(action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      file.abandon();
      throw cause;
    }
  };
  return {
    append: (table) =>
      guard(() => {
        checkTable(name, table);
        const columns = inSchemaOrder(name, table);
        const names = columns.map(([column]) => column).join(", ");
        if (!writer) {
          columnNames = names;
          writer = new ParquetWriter({ writer: sink, schema: parquetSchemaOf(name, columns), createdBy: "unitscope" });
        } else if (names !== columnNames) {
          throw new UnitscopeError(
            "internal",
            `internal: table "${name}": expected columns ${columnNames}, got ${names}`,
          );
        }
        const columnData = columns.map(([column, values]) => ({
          name: column,
          data: toFileValues(name, column, values),
        }));
        void writer.write({ columnData, rowGroupSize: groupRows }); // synchronous: the sink's flush is
      }),
    commit: () =>
      guard(() => {
        if (!writer) throw new UnitscopeError("internal", `internal: table "${name}": expected columns, got no append`);
        void writer.finish();
        file.commit();
      }),
    abandon: file.abandon,
  };
}

/** Writes a whole table, over what was there. */
export function writeParquetTable(path: string, name: TableName, table: Table): void {
  const writer = openTableWriter(path, name);
  writer.append(table);
  writer.commit();
}

/** A table's file that was opened for reading. */
export interface TableReader {
  readonly rows: number;
  readonly columnNames: readonly string[];
  /** Reads rows `start` to `end` (all by default) of some columns (all by default, in the file's order). */
  read(options?: { columns?: readonly string[]; start?: number; end?: number }): Promise<Table>;
}

/**
 * Opens a table's file.
 * @throws {UnitscopeError} `run` if it is missing, damaged, or lacks a column that is asked for.
 */
export async function openTableReader(path: string, name: TableName): Promise<TableReader> {
  let file: AsyncBuffer;
  let metadata: FileMetaData;
  try {
    file = await asyncBufferFromFile(path);
  } catch (cause) {
    throw diskError(path, cause);
  }
  const damaged = (cause: unknown): UnitscopeError =>
    new UnitscopeError("run", `${path}: expected a Parquet file, got a damaged one (${messageOf(cause)})`, { cause });
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (cause) {
    throw damaged(cause);
  }
  const rows = Number(metadata.num_rows);
  const types = new Map(metadata.schema.slice(1).map((element) => [element.name, typeOf(element, path)]));
  return {
    rows,
    columnNames: [...types.keys()],
    read: async ({ columns = [...types.keys()], start = 0, end = rows } = {}) => {
      const target: Record<string, Column> = {};
      for (const column of columns) {
        const type = types.get(column);
        if (!type) {
          const present = listAllowed([...types.keys()]);
          throw new UnitscopeError("run", `${path}: expected a column "${column}" of ${name}, got ${present}`);
        }
        target[column] = missingColumn(type, end - start);
      }
      try {
        await parquetRead({
          file,
          metadata,
          columns: [...columns],
          rowStart: start,
          rowEnd: end,
          onChunk: (chunk) => fill(target[chunk.columnName] as Column, chunk.columnData, chunk.rowStart - start),
        });
      } catch (cause) {
        throw damaged(cause);
      }
      return { rows: end - start, columns: target };
    },
  };
}

/** Refuses columns that the schema does not know, types that differ, keys that are missing, numbers that are infinite. */
function checkTable(name: TableName, table: Table): void {
  makeTable(table.columns);
  const { columns } = tableSchemas[name];
  for (const [column, values] of Object.entries(table.columns)) {
    const schema = columns[column];
    if (!schema) {
      throw new UnitscopeError(
        "internal",
        `internal: table "${name}": expected a column of its schema, got "${column}"`,
      );
    }
    if (schema[0] !== columnType(values)) {
      throw new UnitscopeError(
        "internal",
        `internal: table "${name}": column "${column}": expected ${schema[0]}, got ${columnType(values)}`,
      );
    }
  }
  for (const [column, [, presence]] of Object.entries(columns)) {
    if (presence !== "optional" && !table.columns[column]) {
      throw new UnitscopeError("internal", `internal: table "${name}": expected a column "${column}", got none`);
    }
  }
}

function inSchemaOrder(name: TableName, table: Table): [string, Column][] {
  return Object.keys(tableSchemas[name].columns)
    .filter((column) => table.columns[column])
    .map((column) => [column, table.columns[column] as Column]);
}

function parquetSchemaOf(name: TableName, columns: readonly [string, Column][]): SchemaElement[] {
  const elements = columns.map(([column]): SchemaElement => {
    const [type, presence] = tableSchemas[name].columns[column] as readonly [ColumnType, string, string];
    const repetition_type = presence === "key" ? "REQUIRED" : "OPTIONAL";
    if (type === "int32") return { name: column, type: "INT32", repetition_type };
    if (type === "double") return { name: column, type: "DOUBLE", repetition_type };
    return { name: column, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type };
  });
  return [{ name: "root", num_children: elements.length }, ...elements];
}

/** The column with null where a value is missing; refuses what no reader could make sense of. */
function toFileValues(name: TableName, column: string, values: Column): DecodedArray {
  const key = tableSchemas[name].columns[column]?.[1] === "key";
  const refuse = (row: number, rule: string): never => {
    throw new UnitscopeError(
      "internal",
      `internal: table "${name}": column "${column}", row ${row}: expected ${rule}, got ${JSON.stringify(values[row])}`,
    );
  };
  let missing = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number | string;
    if (isMissing(values, row)) missing++;
    else if (value === Infinity || value === -Infinity) refuse(row, "a finite number");
    else if (typeof value === "number" && value < noInteger && values instanceof Int32Array) refuse(row, "0 or more");
    if (key && typeof value === "string" && value === "") refuse(row, "a text");
  }
  if (missing === 0 || key) return values as DecodedArray;
  return Array.from(values as ArrayLike<number | string>, (value, row) => (isMissing(values, row) ? null : value));
}

function typeOf({ name, type }: SchemaElement, path: string): ColumnType {
  if (type === "INT32") return "int32";
  if (type === "DOUBLE") return "double";
  if (type === "BYTE_ARRAY") return "string";
  throw new UnitscopeError("run", `${path}: column "${name}": expected type INT32, DOUBLE or text, got ${type}`);
}

/** Copies a chunk, which may begin before the wanted rows and end after them. */
function fill(target: Column, chunk: DecodedArray, offset: number): void {
  const cells = target as Int32Array | Float64Array | string[];
  const end = Math.min(chunk.length, cells.length - offset);
  for (let at = Math.max(0, -offset); at < end; at++) {
    const value: unknown = chunk[at];
    if (value !== null && value !== undefined) cells[offset + at] = value as never;
  }
}
