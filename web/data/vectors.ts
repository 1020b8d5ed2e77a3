/** Attribute vectors of units: one value a class, or a concept. */
import type { LayerData, VectorsChunk } from "../../src/report/page-data.ts";
import { loadChunk } from "./chunks.ts";

/** Loads a layer's; `undefined` where the run has none. */
export async function loadVectors({ vectors }: LayerData): Promise<VectorsChunk | undefined> {
  if (vectors === null) return undefined;
  const { header, arrays } = await loadChunk(vectors);
  return { attributes: arrays as Record<string, Float32Array>, concepts: header["concepts"] as string[] };
}

/** One entry of a unit's vector. */
export interface VectorEntry {
  /** Class or concept. */
  readonly index: number;
  readonly value: number;
}

/** A unit's vector of an attribute, largest first, without what is missing. */
export function vectorOf({ attributes }: VectorsChunk, attribute: string, unit: number, units: number): VectorEntry[] {
  const all = attributes[attribute] ?? new Float32Array(0);
  const width = all.length / units;
  return Array.from(all.subarray(unit * width, (unit + 1) * width), (value, index) => ({ index, value }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value || a.index - b.index);
}
