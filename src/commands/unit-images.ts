/**
 * The pictures on the units' cards: the images that drive a unit most, each with the region where it responds, and the
 * images that its ablation hurt most. Writes the table `images` and one sprite sheet per unit.
 */

import { readFileSync } from "node:fs";
import type { LayerFlips } from "../ablation/flips.ts";
import type { ResponseFetcher, Wanted } from "../attributes/fetch-responses.ts";
import { type HurtImage, hurtImages } from "../attributes/hurt-images.ts";
import {
  encodeSheet,
  outsideAlpha,
  type Tile,
  type TileSize,
  tilePixels,
  tileSize,
} from "../attributes/sprite-sheet.ts";
import { fitImage } from "../data/preprocess-image.ts";
import { messageOf, UnitscopeError } from "../errors.ts";
import { systemCode } from "../files/disk-error.ts";
import { thresholdedRegion } from "../numeric/upsample.ts";
import type { Layer } from "../onnx/layers.ts";
import type { ObservedLayer } from "../responses/observed.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { makeTable, type Table } from "../tables/table.ts";
import type { ResponseStore } from "./response-store.ts";
import type { Subject } from "./subject.ts";

/** Sheets that are encoded at a time. */
const encoders = 4;

/** One layer's units with what chooses their images. */
export interface PicturedLayer {
  /** Its place in the pass and the store. */
  readonly at: number;
  readonly layer: Layer;
  readonly observed: ObservedLayer;
  /** `top_threshold` of every unit. */
  readonly thresholds: Float64Array;
  /** What its ablation flipped, where the run has it. */
  readonly flips: LayerFlips | undefined;
}

/** Per image: prediction and margin of the intact network. */
export interface Intact {
  readonly predictions: Int32Array;
  readonly margins: Float64Array;
}

/** `sprites/index.json`: how to cut a tile out of a sheet. Tile `i` is in row `⌊i / columns⌋`, column `i mod columns`. */
export interface SpriteIndex {
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** Row 0 holds the strongest images, row 1 those that the ablation hurt. */
  readonly columns: number;
  /** Alpha outside a region; 255 inside. */
  readonly outsideAlpha: number;
  /** Folder of each layer's sheets; unit `u`'s is `<folder>/<u>.webp`. */
  readonly folders: Readonly<Record<string, string>>;
}

/** One picture of the table `images`. */
interface Picture {
  readonly unit: number;
  readonly role: "top" | "hurt";
  readonly rank: number;
  readonly image: number;
  readonly response: number;
  readonly after: number;
  region: Uint8Array | null;
}

/**
 * Writes one layer's sprite sheets: `columns` strongest images of each unit at most, and as many that were hurt.
 * @returns its rows of the table `images`.
 */
export async function writeUnitImages(
  run: RunFolder,
  { images: set, preprocessing }: Subject,
  fetcher: ResponseFetcher,
  store: ResponseStore,
  pictured: PicturedLayer,
  intact: Intact,
  { folder, size, columns }: { folder: string; size: TileSize; columns: number },
): Promise<Table> {
  const { layer } = pictured;
  const pictures = choosePictures(set.labels, store, pictured, intact, columns);
  await findRegions(fetcher, pictured, pictures, size);
  const tiles = new Map<number, Uint8Array>();
  const tileOf = async ({ image, region }: Picture): Promise<Tile> => {
    let pixels = tiles.get(image);
    if (!pixels) {
      pixels = tilePixels(fitImage(await set.read(image), preprocessing), size);
      tiles.set(image, pixels);
    }
    return { pixels, region };
  };
  let next = 0;
  const encode = async (): Promise<void> => {
    while (next < layer.units) {
      const unit = next++;
      const own = pictures.filter((picture) => picture.unit === unit);
      const count = own.some(({ role }) => role === "hurt") ? 2 * columns : columns;
      const sheet: (Tile | undefined)[] = Array.from({ length: count });
      for (const picture of own) sheet[tileIndex(picture, columns)] = await tileOf(picture);
      run.writeFile(["sprites", folder, `${unit}.webp`], await encodeSheet(sheet, columns, size));
    }
  };
  await Promise.all(Array.from({ length: encoders }, encode));
  return pictureTable(layer.name, pictures, { labels: set.labels, intact, columns, folder });
}

/** The size of all tiles of a run. */
export async function runTileSize({ images: set, preprocessing }: Subject): Promise<TileSize> {
  return tileSize(fitImage(await set.read(0), preprocessing));
}

/** The index as text. */
export function formatSpriteIndex(size: TileSize, columns: number, folders: Readonly<Record<string, string>>): string {
  const index: SpriteIndex = { tileWidth: size.width, tileHeight: size.height, columns, outsideAlpha, folders };
  return `${JSON.stringify(index, null, 2)}\n`;
}

/**
 * Reads the index of a run's sprites.
 * @throws {UnitscopeError} `run` if it is missing or damaged.
 */
export function readSpriteIndex(run: RunFolder): SpriteIndex {
  const path = run.file("sprites", "index.json");
  try {
    return JSON.parse(readFileSync(path, "utf8")) as SpriteIndex;
  } catch (cause) {
    const got = systemCode(cause) === "ENOENT" ? "none" : messageOf(cause);
    throw new UnitscopeError(
      "run",
      `${path}: expected the index of the pictures, got ${got}; make it with: unitscope attributes RUN`,
      {
        cause,
      },
    );
  }
}

function tileIndex({ role, rank }: Pick<Picture, "role" | "rank">, columns: number): number {
  return role === "top" ? rank : columns + rank;
}

function choosePictures(
  labels: Int32Array,
  store: ResponseStore,
  { at, layer, observed: { top }, flips }: PicturedLayer,
  { predictions, margins }: Intact,
  count: number,
): Picture[] {
  const pictures: Picture[] = [];
  const hurt = flips ? hurtImages({ labels, predictions }, margins, flips, count) : [];
  const perRead = 64;
  for (let from = 0; from < layer.units; from += perRead) {
    const to = Math.min(layer.units, from + perRead);
    const isHurt = hurt.slice(from, to).some((images) => images.length > 0);
    const largest = isHurt ? store.pooled(at, "max", from, to) : new Float64Array(0);
    for (let unit = from; unit < to; unit++) {
      for (let rank = 0; rank < Math.min(count, top.counts[unit]); rank++) {
        const place = unit * top.size + rank;
        const [image, response] = [top.indices[place], top.values[place]];
        pictures.push({ unit, role: "top", rank, image, response, after: -1, region: null });
      }
      (hurt[unit] ?? []).forEach(({ image, prediction }: HurtImage, rank) => {
        const response = largest[(unit - from) * labels.length + image];
        pictures.push({ unit, role: "hurt", rank, image, response, after: prediction, region: null });
      });
    }
  }
  return pictures;
}

/** Sets the regions of the strongest images, at the size of the tiles. */
async function findRegions(
  fetcher: ResponseFetcher,
  { at, layer, thresholds }: PicturedLayer,
  pictures: readonly Picture[],
  { width, height }: TileSize,
): Promise<void> {
  const top = pictures.filter(({ role }) => role === "top");
  const wanted = top.map(({ image, unit }): Wanted => ({ image, layer: at, unit }));
  const responses = await fetcher.fetch(wanted);
  top.forEach((picture, index) => {
    const response = responses[index];
    if (!response) throw new UnitscopeError("internal", `internal: expected a response to image ${picture.image}`);
    const threshold = thresholds[picture.unit];
    picture.region = thresholdedRegion(response, layer.height, layer.width, threshold, height, width);
  });
}

function pictureTable(
  layer: string,
  pictures: readonly Picture[],
  { labels, intact, columns, folder }: { labels: Int32Array; intact: Intact; columns: number; folder: string },
): Table {
  const integers = (value: (picture: Picture) => number): Int32Array => Int32Array.from(pictures, value);
  return makeTable({
    layer: pictures.map(() => layer),
    unit: integers(({ unit }) => unit),
    role: pictures.map(({ role }) => role),
    rank: integers(({ rank }) => rank),
    image: integers(({ image }) => image),
    response: Float64Array.from(pictures, ({ response }) => response),
    label: integers(({ image }) => labels[image]),
    prediction: integers(({ image }) => intact.predictions[image]),
    prediction_ablated: integers(({ after }) => after),
    region: Float64Array.from(pictures, ({ region }) =>
      region ? region.reduce((sum, inside) => sum + inside, 0) / region.length : Number.NaN,
    ),
    sprite: pictures.map(({ unit }) => `sprites/${folder}/${unit}.webp`),
    sprite_index: integers((picture) => tileIndex(picture, columns)),
  });
}
