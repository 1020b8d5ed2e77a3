/**
 * Pictures of a unit's images as one small WebP file: tiles of one size, row by row. The alpha channel carries the
 * region: opaque inside, half transparent outside, so that a page shows the region by itself and a program can read it.
 */
import type { RgbImage } from "../data/image-set.ts";
import { messageOf, UnitscopeError } from "../errors.ts";
import { resizeImage } from "../numeric/resize.ts";

/** Alpha outside a tile's region. */
export const outsideAlpha = 96;
/** Longest side of a tile, in pixels; smaller images keep their size. */
export const largestTile = 96;

/** A picture, and where the unit responds in it (`null`: no region, all opaque). */
export interface Tile {
  /** uint8, row-major `[height, width, 3]`. */
  readonly pixels: Uint8Array;
  /** uint8, row-major `[height, width]`: not 0 inside. */
  readonly region: Uint8Array | null;
}

/** Sides of a tile. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
}

/** The size of tiles for images of a size. */
export function tileSize({ width, height }: TileSize): TileSize {
  const scale = Math.min(1, largestTile / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** An image at a tile's size: uint8, row-major `[height, width, 3]`. */
export function tilePixels(image: RgbImage, { width, height }: TileSize): Uint8Array {
  return image.width === width && image.height === height
    ? image.data
    : resizeImage(image, { width, height }, "bilinear");
}

/**
 * Encodes a sheet: tile `i` is in row `⌊i / columns⌋`, column `i mod columns`; where there is none, it is transparent.
 * @throws {UnitscopeError} `shape` if a tile does not have the size.
 */
export async function encodeSheet(
  tiles: readonly (Tile | undefined)[],
  columns: number,
  size: TileSize,
): Promise<Uint8Array> {
  const { width, height } = size;
  const sheetWidth = columns * width;
  const rows = Math.max(1, Math.ceil(tiles.length / columns));
  const data = new Uint8Array(sheetWidth * rows * height * 4);
  tiles.forEach((tile, index) => {
    if (!tile) return;
    const { pixels, region } = tile;
    if (pixels.length !== 3 * width * height || (region && region.length !== width * height)) {
      throw new UnitscopeError("shape", `tile ${index}: expected ${width}×${height} pixels, got ${pixels.length / 3}`);
    }
    const left = (index % columns) * width;
    const top = Math.floor(index / columns) * height;
    for (let at = 0; at < width * height; at++) {
      const to = 4 * ((top + Math.floor(at / width)) * sheetWidth + left + (at % width));
      data[to] = pixels[3 * at];
      data[to + 1] = pixels[3 * at + 1];
      data[to + 2] = pixels[3 * at + 2];
      data[to + 3] = region && region[at] === 0 ? outsideAlpha : 255;
    }
  });
  const { default: sharp } = await import("sharp");
  return await sharp(data, { raw: { width: sheetWidth, height: rows * height, channels: 4 } })
    .webp({ quality: 90, alphaQuality: 100, exact: true, effort: 2 }) // a larger effort costs more than all else of a picture
    .toBuffer();
}

/**
 * Reads the tiles of a sheet back, in their order; `undefined` for an empty place.
 * @throws {UnitscopeError} `run` if the file is missing or not an image.
 */
export async function decodeSheet(path: string, size: TileSize): Promise<(Tile | undefined)[]> {
  const { default: sharp } = await import("sharp");
  let sheet: { data: Buffer; info: { width: number; height: number } };
  try {
    sheet = await sharp(path).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new UnitscopeError(
      "run",
      `${path}: expected a sheet of tiles, got ${messageOf(cause)}; make it again with: unitscope attributes RUN`,
      { cause },
    );
  }
  const { data, info } = sheet;
  const { width, height } = size;
  const columns = Math.floor(info.width / width);
  const tiles: (Tile | undefined)[] = [];
  for (let index = 0; index < columns * Math.floor(info.height / height); index++) {
    const left = (index % columns) * width;
    const top = Math.floor(index / columns) * height;
    const pixels = new Uint8Array(3 * width * height);
    const region = new Uint8Array(width * height);
    let isEmpty = true;
    for (let at = 0; at < width * height; at++) {
      const from = 4 * ((top + Math.floor(at / width)) * info.width + left + (at % width));
      for (let channel = 0; channel < 3; channel++) pixels[3 * at + channel] = data[from + channel];
      const alpha = data[from + 3];
      region[at] = alpha > outsideAlpha + 32 ? 1 : 0;
      if (alpha > 0) isEmpty = false;
    }
    tiles.push(isEmpty ? undefined : { pixels, region });
  }
  return tiles;
}

/** One tile as a PNG `data:` URI, without its region. */
export async function tileUri({ pixels }: Tile, { width, height }: TileSize): Promise<string> {
  const { default: sharp } = await import("sharp");
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
