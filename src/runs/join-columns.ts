/** Columns joined to a table by its keys. */
import { UnitscopeError } from "../errors.ts";
import { type TableName, tableSchemas } from "../tables/schema.ts";
import { type Column, columnType, missingColumn, rowKeys, type Table } from "../tables/table.ts";

/**
 * Joins columns to a table by the keys of its schema.
 *
 * Rows of `table` that `added` lacks keep the values they had in those columns, or get missing ones.
 * @throws {UnitscopeError} `internal` if `added` has a row that `table` lacks, or the same row twice.
 */
export function joinColumns(name: TableName, table: Table, added: Table): Table {
  const keys = keysOf(name);
  const rowOf = new Map(rowKeys(table, keys, name).map((key, row) => [key, row]));
  const targets = rowKeys(added, keys, name).map((key) => rowOf.get(key) ?? -1);
  const stray = targets.indexOf(-1);
  if (stray >= 0 || new Set(targets).size < targets.length) {
    const problem = stray >= 0 ? `row ${stray}, which the table lacks` : "the same row twice";
    throw new UnitscopeError(
      "internal",
      `internal: table "${name}": expected rows of the table to join, got ${problem}`,
    );
  }
  const columns: Record<string, Column> = { ...table.columns };
  for (const [column, values] of Object.entries(added.columns)) {
    if (keys.includes(column)) continue;
    const old = table.columns[column];
    const joined = (old?.slice() ?? missingColumn(columnType(values), table.rows)) as string[] | Float64Array;
    for (const [from, to] of targets.entries()) joined[to] = values[from] as never;
    columns[column] = joined;
  }
  return { rows: table.rows, columns };
}

function keysOf(name: TableName): string[] {
  return Object.entries(tableSchemas[name].columns)
    .filter(([, [, presence]]) => presence === "key")
    .map(([column]) => column);
}
