/**
 * What every table of a run holds: its columns with their types and meanings. This is the contract on disk; the
 * reference for users (`docs/files.md`) is generated from it, and tables with other columns are refused.
 */

import type { TableSchema } from "./column-schema.ts";
import { descriptionSchemas } from "./description-schemas.ts";
import { experimentSchemas } from "./experiment-schemas.ts";
import { sweepSchemas } from "./sweep-schemas.ts";

/** Raised whenever a reader of older files could misread newer ones. */
export const schemaVersion = 1;

/** The tables that a run may hold; each is `<name>.parquet`. */
export type TableName =
  | "layers"
  | "units"
  | "drops"
  | "baseline"
  | "flips"
  | "images"
  | "vectors"
  | "concepts"
  | "relations"
  | "sets"
  | "set_classes"
  | "rotation"
  | "directions"
  | "bases"
  | "repair"
  | "predictions";

/** The schema of every table. */
export const tableSchemas: Readonly<Record<TableName, TableSchema>> = {
  ...sweepSchemas,
  ...descriptionSchemas,
  ...experimentSchemas,
};
