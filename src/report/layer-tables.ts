/** The rows of one layer at a time, so that a report of a large run does not hold its tables whole. */
import type { RunFolder } from "../runs/run-folder.ts";
import type { TableName } from "../tables/schema.ts";
import { concatTables, type Table, texts } from "../tables/table.ts";

/** Rows that are read at a time to find where a layer's are. */
const stride = 1 << 18;

/** A table of a run, opened to be read layer by layer. */
export interface LayerTable {
  readonly columnNames: readonly string[];
  /** The rows of a layer, in the file's order; some columns, or all. Without such a layer: no rows. */
  read(layer: string, columns?: readonly string[]): Promise<Table>;
}

/** Opens a table of a run that has a column `layer`. @throws {UnitscopeError} `run` if the run lacks it. */
export async function openLayerTable(run: RunFolder, name: TableName): Promise<LayerTable> {
  const reader = await run.openTable(name);
  const ranges = new Map<string, { start: number; end: number }[]>();
  for (let from = 0; from < reader.rows; from += stride) {
    const to = Math.min(reader.rows, from + stride);
    const layers = texts(await reader.read({ columns: ["layer"], start: from, end: to }), "layer");
    for (let row = 0, start = 0; row < layers.length; row++) {
      if (row + 1 < layers.length && layers[row + 1] === layers[row]) continue;
      const own = ranges.get(layers[row]) ?? [];
      const last = own.at(-1);
      if (last?.end === from + start) last.end = from + row + 1;
      else own.push({ start: from + start, end: from + row + 1 });
      ranges.set(layers[row], own);
      start = row + 1;
    }
  }
  return {
    columnNames: reader.columnNames,
    read: async (layer, columns = reader.columnNames) => {
      const parts: Table[] = [];
      for (const range of ranges.get(layer) ?? []) parts.push(await reader.read({ columns, ...range }));
      if (parts.length === 0) return await reader.read({ columns, start: 0, end: 0 });
      return parts.length === 1 ? parts[0] : concatTables(parts);
    },
  };
}
