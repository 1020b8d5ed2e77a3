/** How the columns of tables are described, and those that many tables share. */

/** How a column is stored: UTF-8 text, Parquet INT32, Parquet DOUBLE. */
export type ColumnType = "string" | "int32" | "double";

/**
 * `key`: tells rows apart and never misses a value. `always`: there in every file, but a value may be missing.
 * `optional`: there only when it was asked for.
 */
export type Presence = "key" | "always" | "optional";

/** A column: its type, when it is there, and what it means in one sentence. */
export type ColumnSchema = readonly [type: ColumnType, presence: Presence, meaning: string];

/** A table: what one row is, and its columns in their order. */
export interface TableSchema {
  readonly row: string;
  readonly columns: Readonly<Record<string, ColumnSchema>>;
}

/** Layer of a row. */
export const layer: ColumnSchema = ["string", "key", "Name of the layer."];
/** Unit of a row. */
export const unit: ColumnSchema = ["int32", "key", "Number of the unit in its layer, from 0."];
/** Class of a row. */
export const cls: ColumnSchema = ["int32", "key", "Index of the class, from 0."];
/** Its name. */
export const className: ColumnSchema = ["string", "always", "Name of the class."];
