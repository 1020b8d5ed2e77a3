/**
 * A run on disk: `run.json`, one Parquet file per table, and folders for figures and cached pieces. Every file is
 * written whole or not at all.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { diskError, systemCode } from "../files/disk-error.ts";
import { layerSlugs } from "../files/layer-slugs.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { type TableName, tableSchemas } from "../tables/schema.ts";
import { filterRows, rowKeys, type Table, texts } from "../tables/table.ts";
import { requireRun } from "./find-run.ts";
import { joinColumns } from "./join-columns.ts";
import { laterTables, makeAgain, sweptTables } from "./make-again.ts";
import { openTableReader, type TableReader } from "./read-table.ts";
import { openTableRewriter, type TableRewriter } from "./rewrite-table.ts";
import {
  formatManifest,
  type ManifestStep,
  manifestDifference,
  parseManifest,
  type RunManifest,
} from "./run-manifest.ts";
import { openTableWriter, type TableWriter, writeParquetTable } from "./write-table.ts";

/** An opened run. */
export interface RunFolder {
  readonly path: string;
  /** The manifest as it is on disk. */
  manifest(): RunManifest;
  /** Names of the layers that were measured on all images; none before a sweep was complete. */
  wholeLayers(): string[];
  /**
   * @param layers names of those that are wanted; all of the run's by default.
   * @throws {UnitscopeError} `run` if one of them was measured on some of the images only.
   */
  requireWhole(layers?: readonly string[]): void;
  /**
   * Tables of the sweep that a finished run should hold and does not, or not as they were written.
   * @throws {UnitscopeError} `file` for one that cannot be read.
   */
  lostTables(): Promise<TableName[]>;
  /** Whether a table is there with all bytes as they were written. */
  isTableWhole(name: TableName): Promise<boolean>;
  /** Forgets a table. */
  removeTable(name: TableName): void;
  /** Replaces fields of the manifest. */
  updateManifest(change: Partial<RunManifest>): void;
  /** Adds a later command to the manifest, in place of an earlier one of the same name and options. */
  addStep(step: ManifestStep): void;
  /** The tables that the run holds, in the schema's order. */
  tableNames(): TableName[];
  /** @throws {UnitscopeError} `run` for a table of its sweep that a finished run lacks; not where some images are fine. */
  hasTable(name: TableName): boolean;
  /** @throws {UnitscopeError} `run` if a finished run lacks a table of its sweep or of a later command. */
  requireTables(): void;
  /**
   * Reads a table, or some of its columns, or the rows of one layer: of a large table only that layer's part of the file.
   * @param options.isWholeOnly leaves out the rows of layers that were measured on some of the images only.
   * @throws {UnitscopeError} `run` if the run does not hold it, or it is of some of the images only.
   */
  readTable(
    name: TableName,
    options?: { columns?: readonly string[]; layer?: string; isWholeOnly?: boolean },
  ): Promise<Table>;
  /** Opens a table for reading part by part. */
  openTable(name: TableName): Promise<TableReader>;
  /** Writes a table over what was there. */
  writeTable(name: TableName, table: Table): void;
  /** Starts a table that is written part by part. */
  createTable(name: TableName): TableWriter;
  /** Joins columns to a table by its keys; see `joinColumns`. */
  addColumns(name: TableName, added: Table): Promise<void>;
  /**
   * Puts rows in place of those that agree with one of them in the `by` columns, and keeps all others: a layer's
   * vectors of one attribute are replaced, those of other layers and attributes stay.
   */
  replaceRows(name: TableName, rows: Table, by: readonly string[]): Promise<void>;
  /**
   * Starts to write a table again, layer by layer, without the rows that it holds of these layers.
   * @param also only those rows go that also have one of these values in each of these text columns.
   */
  rewriteLayers(
    name: TableName,
    layers: readonly string[],
    also?: Readonly<Record<string, readonly string[]>>,
  ): Promise<TableRewriter>;
  /** A plain name for every layer of the run, as part of file names; and for more layers, which come after. */
  layerSlugs(more?: readonly string[]): Readonly<Record<string, string>>;
  /** Path of a file inside the run. */
  file(...parts: string[]): string;
  /** Writes a file inside the run (a figure, a page). */
  writeFile(parts: readonly string[], content: Uint8Array | string): void;
}

/**
 * Opens a folder that holds a run.
 * @param options.isPartialFine reads tables of layers too that were not measured on all images; otherwise they are refused.
 * @throws {UnitscopeError} `run` if it does not, or its manifest is damaged.
 */
export function openRun(path: string, { isPartialFine = false }: { isPartialFine?: boolean } = {}): RunFolder {
  requireRun(path);
  const run = runFolder(path, isPartialFine);
  run.manifest();
  return run;
}

/**
 * Starts a run in a folder, or continues the one that is there: an empty or missing folder gets the manifest, a folder
 * with the same run keeps its tables and pieces.
 *
 * @throws {UnitscopeError} `run` if the folder holds another run (the message names what differs) or other files.
 */
export function startRun(path: string, manifest: RunManifest): RunFolder {
  const run = runFolder(path, true);
  if (existsSync(run.file("run.json"))) {
    const difference = manifestDifference(run.manifest(), manifest);
    if (difference) {
      throw new UnitscopeError("run", `run folder "${path}": ${difference}; choose another folder`);
    }
    return run;
  }
  const others = filesIn(path).filter((name) => !name.startsWith("."));
  if (others.length > 0) {
    throw new UnitscopeError(
      "run",
      `run folder "${path}": expected an empty folder or a run, got ${listAllowed(others)}; choose another folder`,
    );
  }
  writeFileAtomic(run.file("run.json"), formatManifest(manifest));
  return run;
}

function runFolder(path: string, isPartialFine: boolean): RunFolder {
  const file = (...parts: string[]): string => join(path, ...parts);
  const tablePath = (name: TableName): string => file(`${name}.parquet`);
  const isThere = (name: TableName): boolean => existsSync(tablePath(name));
  const manifest = (): RunManifest => {
    const manifestPath = file("run.json");
    try {
      return parseManifest(readFileSync(manifestPath, "utf8"), manifestPath);
    } catch (cause) {
      throw diskError(manifestPath, cause);
    }
  };
  const updateManifest = (change: Partial<RunManifest>): void =>
    writeFileAtomic(file("run.json"), formatManifest({ ...manifest(), ...change }));
  const wholeLayers = (): string[] => {
    const { layers, finished } = manifest();
    return finished === null ? [] : layers.filter(({ images }) => images === undefined).map(({ name }) => name);
  };
  const requireWhole = (names?: readonly string[]): void => {
    const { layers, data } = manifest();
    const partial = layers.find(({ name, images }) => images !== undefined && (names?.includes(name) ?? true));
    if (!partial) return;
    const count = (images: number): string => withCommas(images);
    const whole = wholeLayers();
    const others = whole.length > 0 ? `, or choose layers that are whole: ${listAllowed(whole)}` : "";
    throw new UnitscopeError(
      "run",
      `run folder "${path}": expected a finished sweep, got layer "${partial.name}" measured on ${count(partial.images ?? 0)} of ${count(data.images)} images; finish it with: unitscope ablate, without option "until" and option "budget"${others}`,
    );
  };
  /** Refuses a table that is of some of the images; the baseline is of all as soon as a layer is. */
  const requireWholeTable = (name: TableName, layers?: readonly string[]): void => {
    if (isPartialFine || !sweptTables.includes(name)) return;
    if (name === "baseline" && wholeLayers().length > 0) return;
    requireWhole(name === "baseline" ? undefined : layers);
  };
  const openAny = async (name: TableName): Promise<TableReader> => {
    if (isThere(name)) return await openTableReader(tablePath(name), name, adviceOn(name));
    throw missingTable(path, name, manifest());
  };
  const adviceOn = (name: TableName): { advice: () => string } => ({
    advice: () => `${sweptTables.includes(name) ? "" : "delete it and "}${makeAgain(name, path, manifest())}`,
  });
  const requireTable = (name: TableName): void => {
    if (!isThere(name) && manifest().finished !== null) throw missingTable(path, name, manifest());
  };
  const isTableWhole = async (name: TableName): Promise<boolean> => {
    if (!isThere(name)) return false;
    try {
      await (await openAny(name)).requireWhole();
      return true;
    } catch (error) {
      if (error instanceof UnitscopeError && error.details["isDamaged"] === true) return false;
      throw error;
    }
  };
  const openTable = async (name: TableName): Promise<TableReader> => {
    requireWholeTable(name);
    return await openAny(name);
  };
  const readTable: RunFolder["readTable"] = async (name, { layer, isWholeOnly = false, ...options } = {}) => {
    const whole = isWholeOnly ? wholeLayers() : [];
    if (whole.length > 0) {
      const table = await (await openAny(name)).read(options);
      const layers = texts(table, "layer", name);
      const partial = new Set(manifest().layers.flatMap((each) => (whole.includes(each.name) ? [] : [each.name])));
      return partial.size === 0 ? table : filterRows(table, (row) => !partial.has(layers[row]));
    }
    requireWholeTable(name, layer === undefined ? undefined : [layer]);
    const table = await openAny(name);
    return layer === undefined ? await table.read(options) : await table.readLayer(layer, options);
  };
  const writeTable: RunFolder["writeTable"] = (name, table) => writeParquetTable(tablePath(name), name, table);
  return {
    path,
    file,
    manifest,
    wholeLayers,
    requireWhole,
    updateManifest,
    hasTable: (name) => {
      if (!isPartialFine && sweptTables.includes(name)) requireTable(name);
      return isThere(name);
    },
    requireTables: () => {
      for (const name of [...sweptTables, ...laterTables(manifest())]) requireTable(name);
    },
    lostTables: async () => {
      const lost: TableName[] = [];
      if (manifest().finished === null) return lost;
      for (const name of sweptTables) if (!(await isTableWhole(name))) lost.push(name);
      return lost;
    },
    isTableWhole,
    removeTable: (name) => rmSync(tablePath(name), { force: true }),
    layerSlugs: (more = []) => layerSlugs([...new Set([...manifest().layers.map(({ name }) => name), ...more])]),
    openTable,
    readTable,
    writeTable,
    addStep: (step) => {
      const same = (other: ManifestStep): boolean =>
        other.command === step.command && JSON.stringify(other.options) === JSON.stringify(step.options);
      updateManifest({ steps: [...manifest().steps.filter((other) => !same(other)), step] });
    },
    tableNames: () => (Object.keys(tableSchemas) as TableName[]).filter(isThere),
    createTable: (name) => openTableWriter(tablePath(name), name),
    addColumns: async (name, added) => writeTable(name, joinColumns(name, await (await openAny(name)).read(), added)),
    replaceRows: async (name, rows, by) => {
      const replaced = new Set(rowKeys(rows, by, name));
      const layers = by.includes("layer") ? new Set(texts(rows, "layer", name)) : undefined;
      const writer = await openTableRewriter(
        tablePath(name),
        name,
        {
          keep: (part) => {
            const keys = rowKeys(part, by, name);
            return (row) => !replaced.has(keys[row]);
          },
          keepsLayer: (layer) => layers !== undefined && !layers.has(layer),
        },
        adviceOn(name),
      );
      await writer.append(rows);
      writer.commit();
    },
    rewriteLayers: async (name, layers, also = {}) => {
      const replaced = new Set(layers);
      return await openTableRewriter(
        tablePath(name),
        name,
        {
          keep: (part) => {
            const tests = Object.entries({ ...also, layer: layers }).map(
              ([column, values]) => [texts(part, column, name), new Set(values)] as const,
            );
            return (row) => !tests.every(([column, values]) => values.has(column[row]));
          },
          keepsLayer: (layer) => !replaced.has(layer),
        },
        adviceOn(name),
      );
    },
    writeFile: (parts, content) => writeFileAtomic(file(...parts), content),
  };
}

function missingTable(path: string, name: TableName, manifest: RunManifest): UnitscopeError {
  const advice = makeAgain(name, path, manifest);
  return new UnitscopeError("run", `run folder "${path}": expected ${name}.parquet, got none; ${advice}`);
}

function filesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return [];
    throw diskError(path, cause, { rule: "a folder" });
  }
}
