/**
 * A mean image: a value per channel and position that is subtracted, as Caffe's networks want it. Read from a NumPy
 * array or Caffe's `.binaryproto` (`BlobProto` of its `caffe.proto`).
 */
import { resolve } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { readRegular } from "../files/read-regular.ts";
import { readNpy } from "./npy.ts";
import type { Size } from "./preprocess-image.ts";
import type { MeanImageFile, Preprocessing } from "./preprocessing.ts";

/** Planar values, in the order of the network's channels. */
interface MeanImage {
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number];
  readonly values: Float32Array;
}

/** A mean image's file by its content. @throws {UnitscopeError} `file` or `data` if it cannot be read or is none. */
export async function meanImageFile(path: string): Promise<MeanImageFile> {
  const bytes = await readBytes(path);
  await parseMeanImage(bytes, path);
  return { path: resolve(path), sha256: sha256(bytes) };
}

/**
 * What subtracts the mean image, divided by `std`, from one image of the network's input, in place. A mean image that is
 * larger than the input is cropped at its centre, as the images are.
 *
 * @returns `undefined` if there is none to subtract.
 * @throws {UnitscopeError} `file` or `data` if its file has gone or changed, or it does not fit the input.
 */
export async function openMeanImage(
  { meanImage, std, layout }: Preprocessing,
  { width, height }: Size,
): Promise<((pixels: Float32Array) => void) | undefined> {
  if (!meanImage) return undefined;
  const { path } = meanImage;
  const bytes = await readBytes(path);
  if (sha256(bytes) !== meanImage.sha256) {
    throw new UnitscopeError("data", `${path}: expected the mean image that was given first, got another file`);
  }
  const { shape, values } = await parseMeanImage(bytes, path);
  const [channels, rows, columns] = shape;
  if (channels !== std.length || rows < height || columns < width) {
    throw new UnitscopeError(
      "data",
      `${path}: expected a mean image of ${std.length} channels of at least ${width}×${height}, got ${channels} of ${columns}×${rows}`,
    );
  }
  const [top, left] = [Math.floor((rows - height) / 2), Math.floor((columns - width) / 2)];
  const plane = height * width;
  const cut = new Float32Array(channels * plane);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < plane; pixel++) {
      const [y, x] = [Math.floor(pixel / width), pixel % width];
      const to = layout === "nchw" ? channel * plane + pixel : pixel * channels + channel;
      cut[to] = values[(channel * rows + top + y) * columns + left + x] / std[channel];
    }
  }
  return (pixels) => {
    for (let at = 0; at < cut.length; at++) pixels[at] -= cut[at];
  };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readRegular(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "a mean image (.npy or .binaryproto)" });
  }
}

async function parseMeanImage(bytes: Uint8Array, path: string): Promise<MeanImage> {
  const { shape, values } = path.endsWith(".binaryproto") ? await fromBlob(bytes, path) : fromArray(bytes, path);
  const dims = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  if (dims.length !== 3 || dims.reduce((product, dim) => product * dim, 1) !== values.length) {
    throw new UnitscopeError(
      "data",
      `${path}: expected a mean image [channels, height, width], got ${values.length} values of [${shape.join(", ")}]`,
    );
  }
  return { shape: [dims[0], dims[1], dims[2]], values };
}

function fromArray(bytes: Uint8Array, path: string): { shape: readonly number[]; values: Float32Array } {
  const { type, shape, bytes: content } = readNpy(bytes, path);
  const copy = new Uint8Array(content).buffer; // aligned
  if (type === "<f4") return { shape, values: new Float32Array(copy) };
  if (type === "<f8") return { shape, values: Float32Array.from(new Float64Array(copy)) };
  throw new UnitscopeError("data", `${path}: expected a mean image of float32 or float64, got ${type}`);
}

/** Fields 1 to 4: num, channels, height, width; 5: data; 7: shape with dims in its field 1. */
async function fromBlob(bytes: Uint8Array, path: string): Promise<{ shape: readonly number[]; values: Float32Array }> {
  const { BinaryReader, WireType } = await import("@bufbuild/protobuf/wire");
  const old: number[] = [];
  const dims: number[] = [];
  const values: number[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field >= 1 && field <= 4 && type === WireType.Varint) old[field - 1] = reader.int32();
      else if (field === 5 && type === WireType.LengthDelimited) {
        for (const end = reader.uint32() + reader.pos; reader.pos < end; ) values.push(reader.float());
      } else if (field === 5) values.push(reader.float());
      else if (field === 7) {
        const inner = new BinaryReader(reader.bytes());
        while (inner.pos < inner.len) {
          const [, kind] = inner.tag();
          if (kind === WireType.LengthDelimited) {
            for (const end = inner.uint32() + inner.pos; inner.pos < end; ) dims.push(Number(inner.int64()));
          } else dims.push(Number(inner.int64()));
        }
      } else reader.skip(type);
    }
  } catch (cause) {
    throw new UnitscopeError("data", `${path}: expected Caffe's mean image, got ${bytes.length} other bytes`, {
      cause,
    });
  }
  return { shape: dims.length > 0 ? dims : old, values: Float32Array.from(values) };
}
