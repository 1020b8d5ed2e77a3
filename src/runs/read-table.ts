/** Parquet files → tables, through hyparquet: whole, in ranges of rows, or one layer from its own row groups. */
import { listAllowed, messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type ColumnChunk,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  type RowGroup,
  type SchemaElement,
} from "../files/parquet.ts";
import type { ColumnType } from "../tables/column-schema.ts";
import type { TableName } from "../tables/schema.ts";
import { type Column, concatTables, missingColumn, rowsWhere, type Table } from "../tables/table.ts";
import { columnExtent, isColumnWhole, isFooterWhole } from "./table-digests.ts";

/** A table's file that was opened for reading. */
export interface TableReader {
  readonly rows: number;
  readonly columnNames: readonly string[];
  /** Reads rows `start` to `end` (all by default) of some columns (all by default, in the file's order). */
  read(options?: { columns?: readonly string[]; start?: number; end?: number }): Promise<Table>;
  /** Reads the rows of one layer, from those row groups alone that hold some; needs a column `layer`. */
  readLayer(layer: string, options?: { columns?: readonly string[] }): Promise<Table>;
  /** The file's row groups, in their order. */
  readonly groups: readonly TableGroup[];
  /** @throws {UnitscopeError} `run` if some bytes of the table are not those that were written. */
  requireWhole(): Promise<void>;
  /** The bytes of a row group as they are in the file. */
  groupBytes(group: TableGroup): Promise<{ bytes: Uint8Array; start: number }>;
}

/** A part of a table's file. */
export interface TableGroup {
  /** Its first row in the table. */
  readonly start: number;
  readonly end: number;
  /** The layer of all its rows; `undefined` if it holds several, or the file does not say. */
  readonly layer: string | undefined;
  readonly description: RowGroup;
}

/**
 * Opens a table's file.
 * @param options.advice what to do about a damaged one.
 * @throws {UnitscopeError} `run` if it is missing, damaged, or lacks a column that is asked for.
 */
export async function openTableReader(
  path: string,
  name: TableName,
  { advice = () => "delete it and repeat the command that wrote it" }: { advice?: () => string } = {},
): Promise<TableReader> {
  let file: AsyncBuffer;
  let metadata: FileMetaData;
  try {
    file = await asyncBufferFromFile(path);
  } catch (cause) {
    throw diskError(path, cause);
  }
  const damaged = (cause: unknown): UnitscopeError =>
    new UnitscopeError(
      "run",
      `${path}: expected a Parquet file, got a damaged one (${messageOf(cause)}); ${advice()}`,
      {
        cause,
        details: { isDamaged: true },
      },
    );
  const changed = (what: string): UnitscopeError => damaged(new Error(`${what} is not as it was written`));
  try {
    if (!(await isFooterWhole(file))) throw changed("its footer");
    metadata = await parquetMetadataAsync(file);
  } catch (cause) {
    throw cause instanceof UnitscopeError ? cause : damaged(cause);
  }
  const rows = Number(metadata.num_rows);
  const types = new Map(metadata.schema.slice(1).map((element) => [element.name, typeOf(element, path)]));
  const groups = tableGroups(metadata);
  const whole = new Set<ColumnChunk>();
  /** Refuses columns of row groups whose bytes have changed since they were written; looks at each once. */
  const requireWhole = async (columns: readonly string[], start: number, end: number): Promise<void> => {
    for (const group of groups) {
      if (group.end <= start || group.start >= end) continue;
      for (const chunk of group.description.columns) {
        const column = chunk.meta_data?.path_in_schema.join(".") ?? "";
        if (whole.has(chunk) || !columns.includes(column)) continue;
        if (!(await isColumnWhole(file, chunk))) {
          throw changed(`column "${column}" of rows ${group.start} to ${group.end}`);
        }
        whole.add(chunk);
      }
    }
  };
  const read: TableReader["read"] = async ({ columns = [...types.keys()], start = 0, end = rows } = {}) => {
    const target: Record<string, Column> = {};
    for (const column of columns) {
      const type = types.get(column);
      if (!type) {
        const present = listAllowed([...types.keys()]);
        throw new UnitscopeError("run", `${path}: expected a column "${column}" of ${name}, got ${present}`);
      }
      target[column] = missingColumn(type, end - start);
    }
    if (end === start) return { rows: 0, columns: target };
    await requireWhole(columns, start, end);
    try {
      await parquetRead({
        file,
        metadata,
        columns: [...columns],
        rowStart: start,
        rowEnd: end,
        onChunk: ({ columnName, columnData, rowStart }) => fill(target[columnName], columnData, rowStart - start),
      });
    } catch (cause) {
      throw damaged(cause);
    }
    return { rows: end - start, columns: target };
  };
  return {
    rows,
    columnNames: [...types.keys()],
    groups,
    read,
    requireWhole: async () => await requireWhole([...types.keys()], 0, rows),
    readLayer: async (layer, { columns = [...types.keys()] } = {}) => {
      const wanted = [...new Set(["layer", ...columns])];
      const parts = [await read({ columns: wanted, start: 0, end: 0 })];
      for (const { layer: only, start, end } of groups) {
        if (only !== undefined && only !== layer) continue;
        parts.push(rowsWhere(await read({ columns: wanted, start, end }), "layer", layer));
      }
      const found = concatTables(parts);
      return {
        rows: found.rows,
        columns: Object.fromEntries(columns.map((column) => [column, found.columns[column]])),
      };
    },
    groupBytes: async ({ description, start: from, end: to }) => {
      await requireWhole([...types.keys()], from, to);
      const extents = description.columns.map((column) => {
        const extent = columnExtent(column);
        if (!extent) throw damaged("a column without a description");
        return extent;
      });
      const start = Math.min(...extents.map(({ from }) => from));
      const end = Math.max(...extents.map(({ to }) => to));
      return { bytes: new Uint8Array(await file.slice(start, end)), start };
    },
  };
}

/** Row groups with the layer that they hold, as their statistics say. */
function tableGroups(metadata: FileMetaData): TableGroup[] {
  let start = 0;
  return metadata.row_groups.map((description) => {
    const from = start;
    start += Number(description.num_rows);
    const column = description.columns.find(({ meta_data }) => meta_data?.path_in_schema.join(".") === "layer");
    const { min_value: first, max_value: last } = column?.meta_data?.statistics ?? {};
    // Equal bounds are whole names: a bound that is cut to its beginning is raised at the upper end.
    return {
      start: from,
      end: start,
      layer: typeof first === "string" && first === last ? first : undefined,
      description,
    };
  });
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
