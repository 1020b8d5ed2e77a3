/**
 * A table's file written again with some of its rows replaced. Row groups that keep all their rows are copied as they
 * are, so that a layer can be replaced in a table of any size, and new rows come part by part.
 */
import { existsSync } from "node:fs";
import { UnitscopeError } from "../errors.ts";
import { type TableName, tableSchemas } from "../tables/schema.ts";
import { filterRows, hasValues, missingColumn, type Table } from "../tables/table.ts";
import { openTableReader, type TableReader } from "./read-table.ts";
import { openTableWriter } from "./write-table.ts";

/** A table that is being written again. */
export interface TableRewriter {
  /** Appends new rows; columns that the first ones lack must not come later, those that later ones lack are missing. */
  append(table: Table): Promise<void>;
  /** Finishes the file, which until then is as it was. */
  commit(): void;
  abandon(): void;
}

/** Which rows of a held table stay. */
export interface KeptRows {
  /** Tells it of the rows of a part of the table. */
  keep(part: Table): (row: number) => boolean;
  /** Layers whose rows all stay. */
  keepsLayer(layer: string): boolean;
}

/**
 * Starts to write a table again, or for the first time.
 * @param options.advice what to do about a damaged one.
 */
export async function openTableRewriter(
  path: string,
  name: TableName,
  kept: KeptRows,
  options: { advice?: () => string } = {},
): Promise<TableRewriter> {
  const held = existsSync(path) ? await openTableReader(path, name, options) : undefined;
  const writer = openTableWriter(path, name);
  let columns: readonly string[] | undefined;
  const copyHeld = async (reader: TableReader, all: readonly string[]): Promise<void> => {
    const isSame = reader.columnNames.join(", ") === all.join(", ");
    for (const group of reader.groups) {
      if (isSame && group.layer !== undefined && kept.keepsLayer(group.layer)) {
        const { bytes, start } = await reader.groupBytes(group);
        writer.copyGroup(all, group.description, bytes, start);
        continue;
      }
      const part = await reader.read({ start: group.start, end: group.end });
      const { rows, columns } = filterRows(part, kept.keep(part));
      // Columns that only replaced rows had a value of are not among all of them.
      const own = Object.fromEntries(Object.entries(columns).filter(([column]) => all.includes(column)));
      if (rows > 0) writer.append(withColumns({ rows, columns: own }, all, name));
    }
  };
  return {
    append: async (table) => {
      try {
        if (!columns) {
          const present = new Set([...(held ? await columnsThatStay(held, kept) : []), ...Object.keys(table.columns)]);
          columns = Object.keys(tableSchemas[name].columns).filter((column) => present.has(column));
          const stray = [...present].find((column) => !columns?.includes(column));
          if (stray !== undefined) throw unknownColumn(name, stray);
          if (held) await copyHeld(held, columns);
        }
        writer.append(withColumns(table, columns, name));
      } catch (cause) {
        writer.abandon();
        throw cause;
      }
    },
    commit: writer.commit,
    abandon: writer.abandon,
  };
}

/** Columns of a held table of which some value stays: a column that only replaced rows had goes with them. */
async function columnsThatStay({ columnNames, groups, read }: TableReader, kept: KeptRows): Promise<readonly string[]> {
  const staying = new Set<string>();
  for (const { layer, start, end, description } of groups) {
    if (layer !== undefined && kept.keepsLayer(layer)) {
      for (const [column, name] of columnNames.entries()) {
        const { statistics, num_values: values } = description.columns[column]?.meta_data ?? {};
        if (statistics?.null_count === undefined || statistics.null_count !== values) staying.add(name);
      }
      continue;
    }
    const part = await read({ start, end });
    const rest = filterRows(part, kept.keep(part));
    for (const name of columnNames) if (hasValues(rest, name)) staying.add(name);
  }
  return columnNames.filter((name) => staying.has(name));
}

/** The table with exactly these columns; those that it lacks are missing in every row. */
function withColumns(table: Table, columns: readonly string[], name: TableName): Table {
  const stray = Object.keys(table.columns).find((column) => !columns.includes(column));
  if (stray !== undefined) throw unknownColumn(name, stray);
  const filled = columns.map((column) => {
    const type = tableSchemas[name].columns[column]?.[0] ?? "double";
    return [column, table.columns[column] ?? missingColumn(type, table.rows)] as const;
  });
  return { rows: table.rows, columns: Object.fromEntries(filled) };
}

function unknownColumn(name: TableName, column: string): UnitscopeError {
  return new UnitscopeError("internal", `internal: table "${name}": expected a column of its schema, got "${column}"`);
}
