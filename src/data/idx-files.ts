/** The IDX format of MNIST and its likes (LeCun, Cortes, Burges): a big-endian header of sizes, then unsigned bytes. */
import { UnitscopeError } from "../errors.ts";
import type { ImageSet } from "./image-set.ts";
import { pixelSet } from "./pixel-set.ts";

/** Unsigned bytes with their sizes, row-major. */
export interface IdxArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes; the data is a view on `bytes`.
 * @throws {UnitscopeError} `data` if it is none, or truncated.
 */
export function readIdx(bytes: Uint8Array, place: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dimCount = bytes[3] ?? 0;
  if (bytes.length < 4 + 4 * dimCount || dimCount === 0 || view.getUint16(0) !== 0 || bytes[2] !== 8) {
    throw new UnitscopeError(
      "data",
      `${place}: expected an IDX file of unsigned bytes, got ${bytes.length} other bytes`,
    );
  }
  const dims = Array.from({ length: dimCount }, (_, dim) => view.getUint32(4 + 4 * dim));
  const data = bytes.subarray(4 + 4 * dimCount);
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== count) {
    throw new UnitscopeError(
      "data",
      `${place}: expected ${count} bytes for sizes ${dims.join("×")}, got ${data.length}`,
    );
  }
  return { dims, data };
}

/** Writes an IDX file of unsigned bytes. */
export function writeIdx({ dims, data }: IdxArray): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes[2] = 8;
  bytes[3] = dims.length;
  dims.forEach((dim, at) => view.setUint32(4 + 4 * at, dim));
  bytes.set(data, 4 + 4 * dims.length);
  return bytes;
}

/** An image set out of an IDX file of gray images `[N, H, W]` and one of labels `[N]`. */
export function idxImageSet(
  name: string,
  {
    images,
    labels,
    classNames,
    hash,
  }: { images: IdxArray; labels: IdxArray; classNames: readonly string[]; hash: string },
): ImageSet {
  const [, height, width] = images.dims;
  if (images.dims.length !== 3 || height === undefined || width === undefined) {
    throw new UnitscopeError("data", `data "${name}": expected images [N, H, W], got [${images.dims.join(", ")}]`);
  }
  return pixelSet({
    name,
    pixels: { data: images.data, channels: 1, height, width },
    labels: Int32Array.from(labels.data),
    classNames,
    hash,
  });
}
