/** One layer's chunk of the page (`LayerChunk`), from the tables of a run. */
import type { RunFolder } from "../runs/run-folder.ts";
import { integers, type Table, texts } from "../tables/table.ts";
import { type Chunk, type ChunkArray, compactCounts } from "./chunk.ts";
import { type LayerTable, openLayerTable } from "./layer-tables.ts";

/** The effects count as real up to this q-value. */
const rate = 0.05;

/** Prediction of pictures without one. */
const noPrediction = 0xffff;

/** The tables that layers are read from. */
export interface LayerSources {
  readonly units: LayerTable;
  readonly drops: LayerTable;
  readonly flips: LayerTable | undefined;
  readonly images: LayerTable | undefined;
  readonly vectors: LayerTable | undefined;
}

/** Units with responses like another's: per unit up to `count` of them, best first. */
export interface AlikeUnits {
  readonly count: number;
  /** `[units, count]`; -1 where there is none. */
  readonly units: Int32Array;
  readonly correlations: Float32Array;
}

/** Opens what a run has. */
export async function openLayerSources(run: RunFolder): Promise<LayerSources> {
  const optional = async (name: "flips" | "images" | "vectors"): Promise<LayerTable | undefined> =>
    run.hasTable(name) ? await openLayerTable(run, name) : undefined;
  return {
    units: await openLayerTable(run, "units"),
    drops: await openLayerTable(run, "drops"),
    flips: await optional("flips"),
    images: await optional("images"),
    vectors: await optional("vectors"),
  };
}

/** A layer's chunk. */
export async function layerChunk(
  sources: LayerSources,
  {
    layer,
    unitCount,
    classCount,
    alike,
  }: { layer: string; unitCount: number; classCount: number; alike: AlikeUnits | undefined },
): Promise<Chunk> {
  const units = await sources.units.read(layer);
  const order = rowOfUnit(integers(units, "unit"), unitCount);
  const columns: Record<string, ChunkArray> = {};
  const columnTexts: Record<string, string[]> = {};
  for (const [name, column] of Object.entries(units.columns)) {
    if (name === "layer" || name === "unit") continue;
    if (column instanceof Float64Array)
      columns[`column:${name}`] = Float64Array.from(order, (row) => column[row] ?? Number.NaN);
    else if (column instanceof Int32Array)
      columns[`column:${name}`] = Int32Array.from(order, (row) => column[row] ?? -1);
    else columnTexts[name] = Array.from(order, (row) => column[row] ?? "");
  }
  const effects = await effectArrays(sources.drops, layer, unitCount, classCount);
  return {
    header: { texts: columnTexts, alikeCount: alike?.count ?? 0 },
    arrays: {
      ...effects,
      ...columns,
      ...(await flipArrays(sources.flips, layer, unitCount)),
      ...(await pictureArrays(sources.images, layer, unitCount)),
      alikeUnit: alike?.units ?? new Int32Array(0),
      alikeCorrelation: alike?.correlations ?? new Float32Array(0),
    },
  };
}

/** Bits of a float32's fraction that the page's vectors lose: 12 of 23 stay, four digits, and take half the bytes. */
const lostBits = 11;

/** The chunk with a layer's attribute vectors over classes and concepts, if the run has any. */
export async function vectorsChunk(
  sources: LayerSources,
  { layer, unitCount, classCount }: { layer: string; unitCount: number; classCount: number },
): Promise<Chunk | undefined> {
  const table = await sources.vectors?.read(layer, ["unit", "attribute", "index", "name", "value"]);
  if (!table || table.rows === 0) return undefined;
  const [unit, index] = [integers(table, "unit"), integers(table, "index")];
  const attribute = table.columns["attribute"] as readonly string[];
  const [value, names] = [table.columns["value"] as Float64Array, texts(table, "name")];
  const concepts: string[] = [];
  for (let row = 0; row < table.rows; row++) if (attribute[row] === "concept_iou") concepts[index[row]] = names[row];
  const arrays: Record<string, Float32Array> = {};
  for (let row = 0; row < table.rows; row++) {
    const name = attribute[row];
    const width = name === "concept_iou" ? concepts.length : classCount;
    if (index[row] >= width || unit[row] >= unitCount) continue;
    const vector = (arrays[name] ??= new Float32Array(unitCount * width).fill(Number.NaN));
    vector[unit[row] * width + index[row]] = value[row];
  }
  for (const vector of Object.values(arrays)) roundFractions(vector);
  return { header: { concepts: Array.from(concepts, (name) => name ?? "") }, arrays };
}

function roundFractions(values: Float32Array): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let at = 0; at < values.length; at++) {
    if (Number.isFinite(values[at])) bits[at] = ((bits[at] + (1 << (lostBits - 1))) >> lostBits) << lostBits;
  }
}

/** A q-value in single precision, on the same side of the rate as in double. */
export function roundedQ(q: number): number {
  const rounded = Math.fround(q);
  if (q <= rate && rounded > rate) return Math.fround(rate - 1e-8);
  return q > rate && rounded <= rate ? Math.fround(rate + 1e-8) : rounded;
}

async function effectArrays(
  drops: LayerTable,
  layer: string,
  unitCount: number,
  classCount: number,
): Promise<Record<string, ChunkArray>> {
  const hasQ = drops.columnNames.includes("q_value");
  const table = await drops.read(layer, ["unit", "class", "lost", "gained", ...(hasQ ? ["q_value"] : [])]);
  const [unit, cls] = [integers(table, "unit"), integers(table, "class")];
  const [lostOf, gainedOf] = [integers(table, "lost"), integers(table, "gained")];
  const qOf = table.columns["q_value"] as Float64Array | undefined;
  const lost = new Int32Array(unitCount * classCount);
  const gained = new Int32Array(unitCount * classCount);
  const q = new Float32Array(unitCount * classCount).fill(Number.NaN);
  for (let row = 0; row < table.rows; row++) {
    const at = unit[row] * classCount + cls[row];
    lost[at] = lostOf[row];
    gained[at] = gainedOf[row];
    if (qOf) q[at] = roundedQ(qOf[row]);
  }
  return { lost: compactCounts(lost), gained: compactCounts(gained), q };
}

async function flipArrays(
  flips: LayerTable | undefined,
  layer: string,
  unitCount: number,
): Promise<Record<string, ChunkArray>> {
  const table = await flips?.read(layer, ["unit", "image", "prediction"]);
  const { start, order } = groupByUnit(table, unitCount);
  const [image, prediction] = table ? [integers(table, "image"), integers(table, "prediction")] : [order, order];
  return {
    flipStart: start,
    flipImage: Int32Array.from(order, (row) => image[row]),
    flipPrediction: Uint16Array.from(order, (row) => prediction[row]),
  };
}

async function pictureArrays(
  images: LayerTable | undefined,
  layer: string,
  unitCount: number,
): Promise<Record<string, ChunkArray>> {
  const table = await images?.read(layer);
  const { start, order } = groupByUnit(table, unitCount);
  const column = (name: string): ArrayLike<number> =>
    (table?.columns[name] as Int32Array | Float64Array | undefined) ?? new Int32Array(order.length).fill(-1);
  const [image, tile, response] = [column("image"), column("sprite_index"), column("response")];
  const after = column("prediction_ablated");
  return {
    pictureStart: start,
    pictureImage: Int32Array.from(order, (row) => image[row]),
    pictureTile: Uint8Array.from(order, (row) => tile[row]),
    pictureResponse: Float32Array.from(order, (row) => response[row]),
    pictureAfter: Uint16Array.from(order, (row) => (after[row] < 0 ? noPrediction : after[row])),
  };
}

/** Where each unit's rows start, `[units + 1]`, and the rows in that order. */
function groupByUnit(table: Table | undefined, unitCount: number): { start: Int32Array; order: Int32Array } {
  const unit = table ? integers(table, "unit") : new Int32Array(0);
  const start = new Int32Array(unitCount + 1);
  for (const each of unit) start[each + 1]++;
  for (let at = 0; at < unitCount; at++) start[at + 1] += start[at];
  const next = start.slice();
  const order = new Int32Array(unit.length);
  for (let row = 0; row < unit.length; row++) order[next[unit[row]]++] = row;
  return { start, order };
}

function rowOfUnit(unit: Int32Array, unitCount: number): Int32Array {
  const rows = new Int32Array(unitCount).fill(-1);
  unit.forEach((each, row) => {
    if (each < unitCount) rows[each] = row;
  });
  return rows;
}
