/** One layer of a run as the views ask for it. */
import type { LayerChunk, LayerData, RunData } from "../../src/report/page-data.ts";
import { loadChunk } from "./chunks.ts";

/** Effects up to this q-value are called real. */
export const realRate = 0.05;

/** A layer with its arrays. */
export interface LoadedLayer extends LayerChunk {
  readonly data: LayerData;
  readonly run: RunData;
  readonly units: number;
  readonly classes: number;
  /** Class drops, `[units, classes]`; NaN where a class has no image. */
  readonly drops: Float32Array;
}

const loaded = new Map<string, Promise<LoadedLayer>>();

/** Loads a layer; once. */
export function loadLayer(run: RunData, data: LayerData): Promise<LoadedLayer> {
  const known = loaded.get(data.chunk);
  if (known) return known;
  const layer = loadChunk(data.chunk).then(({ header, arrays }): LoadedLayer => {
    const classes = run.classNames.length;
    const columns: Record<string, Float64Array | Int32Array> = {};
    for (const [name, array] of Object.entries(arrays)) {
      if (name.startsWith("column:")) columns[name.slice("column:".length)] = array as Float64Array;
    }
    const chunk = { ...(arrays as unknown as LayerChunk), columns };
    const drops = new Float32Array(data.units * classes);
    for (let at = 0; at < drops.length; at++) {
      const images = run.classImages[at % classes] ?? 0;
      drops[at] = images === 0 ? Number.NaN : ((chunk.lost[at] ?? 0) - (chunk.gained[at] ?? 0)) / images;
    }
    return {
      ...chunk,
      texts: header["texts"] as Record<string, string[]>,
      alikeCount: Number(header["alikeCount"]),
      data,
      run,
      units: data.units,
      classes,
      drops,
    };
  });
  loaded.set(data.chunk, layer);
  return layer;
}

/** The value of a column for a unit; `undefined` where it is missing. */
export function columnOf(layer: LoadedLayer, name: string, unit: number): number | undefined {
  const column = layer.columns[name];
  const value = column?.[unit];
  if (value === undefined || Number.isNaN(value)) return undefined;
  return column instanceof Int32Array && value < 0 ? undefined : value;
}

/** A text column's value; empty where it is missing. */
export function textOf(layer: LoadedLayer, name: string, unit: number): string {
  return layer.texts[name]?.[unit] ?? "";
}

/** The name of a class. */
export function classLabel(run: RunData, cls: number): string {
  return run.classNames[cls] || `class ${cls}`;
}

/** Whether an effect survives false-discovery control. */
export function isReal(layer: LoadedLayer, unit: number, cls: number): boolean {
  return (layer.q[unit * layer.classes + cls] ?? Number.NaN) <= realRate;
}

/** Pictures of a unit, strongest first, then those that its removal hurt. */
export interface Picture {
  readonly image: number;
  readonly tile: number;
  readonly response: number;
  /** Predicted class after; `undefined` for the strongest images. */
  readonly after: number | undefined;
}

/** The pictures of a unit. */
export function picturesOf(layer: LoadedLayer, unit: number): { top: Picture[]; hurt: Picture[] } {
  const top: Picture[] = [];
  const hurt: Picture[] = [];
  const columns = layer.data.thumbs?.columns ?? 0;
  for (let at = layer.pictureStart[unit] ?? 0; at < (layer.pictureStart[unit + 1] ?? 0); at++) {
    const [tile, after] = [layer.pictureTile[at] ?? 0, layer.pictureAfter[at] ?? 0xffff];
    const picture = {
      image: layer.pictureImage[at] ?? 0,
      tile,
      response: layer.pictureResponse[at] ?? 0,
      after: after === 0xffff ? undefined : after,
    };
    (tile < columns ? top : hurt).push(picture);
  }
  const byTile = (a: Picture, b: Picture): number => a.tile - b.tile;
  return { top: top.sort(byTile), hurt: hurt.sort(byTile) };
}
