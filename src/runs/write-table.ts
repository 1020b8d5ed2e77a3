/**
 * Tables → Parquet files, through hyparquet-writer. Missing values are null in the file; key columns are REQUIRED, all
 * others OPTIONAL, so that every reader sees the same types whatever is missing. Texts that repeat (layers, classes) are
 * stored once a row group, as dictionaries. A row group ends where the layer changes, so that one layer can be read alone.
 */
import { UnitscopeError } from "../errors.ts";
import { openAtomicFile } from "../files/atomic-file.ts";
import { ByteWriter, type DecodedArray, ParquetWriter, type RowGroup, type SchemaElement } from "../files/parquet.ts";
import type { ColumnType } from "../tables/column-schema.ts";
import { type TableName, tableSchemas } from "../tables/schema.ts";
import { type Column, columnType, isMissing, makeTable, noInteger, type Table } from "../tables/table.ts";
import { footerSeal, sealColumns, sealFooter } from "./table-digests.ts";

/** Rows per row group at most: small enough to stream, large enough to compress. */
const groupRows = 100_000;
/** A change of layer ends a row group that has at least so many rows: small tables stay in one. */
const leastGroupRows = 8_192;

/** A Parquet file that is being written, piece by piece. */
export interface TableWriter {
  /** Appends rows; every table must have the same columns as the first. */
  append(table: Table): void;
  /**
   * Appends a row group of another file with the same columns as it is on the disk, neither decoded nor encoded.
   * @param bytes the row group's bytes, which began at `start` in that file.
   */
  copyGroup(columns: readonly string[], group: RowGroup, bytes: Uint8Array, start: number): void;
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
  let opened: { readonly writer: ParquetWriter; readonly names: string } | undefined;
  let sealed = 0;
  const flush = (): void => {
    const bytes = buffer.getBytes();
    const groups = opened?.writer.row_groups ?? [];
    for (; sealed < groups.length; sealed++) sealColumns(groups[sealed], bytes, buffer.offset - bytes.length);
    file.write(bytes);
    buffer.index = 0;
  };
  const finish = (): void => {
    sealFooter(buffer.getBytes());
    flush();
  };
  const sink = Object.assign(buffer, { flush, finish });
  const writerOf = (columns: readonly string[]): ParquetWriter => {
    const names = columns.join(", ");
    if (!opened) {
      const schema = parquetSchemaOf(name, columns);
      const options = { writer: sink, schema, createdBy: "unitscope", statisticsTruncateLength: Infinity };
      opened = { writer: new ParquetWriter({ ...options, kvMetadata: [footerSeal] }), names };
    }
    if (names === opened.names) return opened.writer;
    throw new UnitscopeError("internal", `internal: table "${name}": expected columns ${opened.names}, got ${names}`);
  };
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
        const writer = writerOf(columns.map(([column]) => column));
        for (const [start, end] of rowGroups(table)) {
          const columnData = columns.map(([column, values]) => ({
            name: column,
            data: toFileValues(name, column, values.slice(start, end)),
          }));
          writeNow(writer.write({ columnData, rowGroupSize: groupRows }));
        }
      }),
    copyGroup: (columns, group, bytes, start) =>
      guard(() => {
        const writer = writerOf(columns);
        const shift = BigInt(sink.offset - start);
        sink.appendBytes(bytes);
        writer.row_groups.push(movedGroup(group, shift));
        writer.num_rows += group.num_rows;
        flush();
      }),
    commit: () =>
      guard(() => {
        if (!opened) throw new UnitscopeError("internal", `internal: table "${name}": expected columns, got no append`);
        writeNow(opened.writer.finish());
        file.commit();
      }),
    abandon: file.abandon,
  };
}

/** The writer's answer is a promise only if the sink's is, and ours writes at once. */
function writeNow(answer: void | Promise<void>): void {
  if (answer) throw new UnitscopeError("internal", "internal: table: expected to be written at once, got a promise");
}

/** Row groups as `[start, end)`: a change of layer ends one that is large enough, and none is too large. */
function rowGroups(table: Table): [start: number, end: number][] {
  const layers = table.columns["layer"];
  const groups: [number, number][] = [];
  let start = 0;
  for (let row = 1; row <= table.rows; row++) {
    const isFull = row - start === groupRows;
    const isNext = row - start >= leastGroupRows && layers !== undefined && layers[row] !== layers[row - 1];
    if (!isFull && !isNext && row < table.rows) continue;
    groups.push([start, row]);
    start = row;
  }
  return groups;
}

/** A row group's description after its bytes moved by `shift`; page indexes lie elsewhere and are left behind. */
function movedGroup(group: RowGroup, shift: bigint): RowGroup {
  const columns = group.columns.map(({ meta_data, file_offset }) => {
    if (!meta_data) throw new UnitscopeError("internal", "internal: table: expected a column's description, got none");
    const {
      dictionary_page_offset,
      data_page_offset,
      bloom_filter_offset: _,
      index_page_offset: __,
      ...rest
    } = meta_data;
    const dictionary = dictionary_page_offset === undefined ? undefined : dictionary_page_offset + shift;
    return {
      file_offset: file_offset + shift,
      meta_data: {
        ...rest,
        data_page_offset: data_page_offset + shift,
        ...(dictionary !== undefined && { dictionary_page_offset: dictionary }),
      },
    };
  });
  return { columns, total_byte_size: group.total_byte_size, num_rows: group.num_rows };
}

/** Writes a whole table, over what was there. */
export function writeParquetTable(path: string, name: TableName, table: Table): void {
  const writer = openTableWriter(path, name);
  writer.append(table);
  writer.commit();
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
    .map((column) => [column, table.columns[column]]);
}

function parquetSchemaOf(name: TableName, columns: readonly string[]): SchemaElement[] {
  const elements = columns.map((column): SchemaElement => {
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
    const value = values[row];
    if (isMissing(values, row)) missing++;
    else if (value === Infinity || value === -Infinity) refuse(row, "a finite number");
    else if (typeof value === "number" && value < noInteger && values instanceof Int32Array) refuse(row, "0 or more");
    if (key && typeof value === "string" && value === "") refuse(row, "a text");
  }
  if (missing === 0 || key) return values as DecodedArray;
  return Array.from(values as ArrayLike<number | string>, (value, row) => (isMissing(values, row) ? null : value));
}
