/**
 * Bilinear upsampling of a unit's response to the size of a label map, and the region where it exceeds a threshold.
 *
 * The computation is in float64 as `a + (b - a) · weight`, columns first (between two rows), then within the row. In
 * this form a constant response stays that constant and no upsampled value exceeds the largest response, so a unit
 * whose responses are all at most its threshold can be skipped.
 */
import { UnitscopeError } from "../errors.ts";

/** How the positions of one axis of the output fall between those of the input. */
export interface UpsampleAxis {
  readonly inputSize: number;
  readonly outputSize: number;
  /** Input position at or before each output position, `[outputSize]`, never decreasing. */
  readonly lower: Int32Array;
  /** Weight of the next input position, `[outputSize]`, in [0, 1); 0 at the last one. */
  readonly weight: Float64Array;
  /** First output position of each input position, `[inputSize + 1]`. */
  readonly first: Int32Array;
}

/** Where responses lie in the network's input along one axis, in pixels; pixel `p` has its centre at `p`. */
export interface FieldAxis {
  /** Side of the network's input. */
  readonly imageSize: number;
  /** Centre of the first position's receptive field. */
  readonly offset: number;
  /** Distance between the centres of neighbouring positions. */
  readonly stride: number;
}

/**
 * Half-pixel alignment: both maps cover the same square, as `torch.nn.functional.interpolate` with
 * `align_corners=False`. Output position `x` reads `(x + 0.5) · inputSize / outputSize - 0.5`, clamped to the map.
 */
export function halfPixelAxis(inputSize: number, outputSize: number): UpsampleAxis {
  const scale = inputSize / outputSize;
  return axisOf(inputSize, outputSize, (position) => (position + 0.5) * scale - 0.5);
}

/**
 * Receptive-field alignment: a response lies at the centre of its receptive field. Output position `x` is the input
 * pixel `(x + 0.5) · imageSize / outputSize - 0.5`, and reads response `(pixel - offset) / stride`, clamped to the map.
 */
export function fieldCentredAxis(inputSize: number, outputSize: number, field: FieldAxis): UpsampleAxis {
  const scale = field.imageSize / outputSize;
  return axisOf(inputSize, outputSize, (position) => ((position + 0.5) * scale - 0.5 - field.offset) / field.stride);
}

function axisOf(inputSize: number, outputSize: number, source: (position: number) => number): UpsampleAxis {
  for (const [name, size] of Object.entries({ inputSize, outputSize })) {
    if (!(Number.isInteger(size) && size > 0)) {
      throw new UnitscopeError("value", `upsampling: expected ${name} of at least 1, got ${size}`);
    }
  }
  const lower = new Int32Array(outputSize);
  const weight = new Float64Array(outputSize);
  const first = new Int32Array(inputSize + 1).fill(outputSize);
  for (let position = outputSize - 1; position >= 0; position--) {
    const at = Math.min(Math.max(source(position), 0), inputSize - 1);
    const below = Math.floor(at);
    lower[position] = below;
    weight[position] = at - below;
    first[below] = position;
  }
  for (let cell = inputSize - 1; cell >= 0; cell--) first[cell] = Math.min(first[cell], first[cell + 1]);
  return { inputSize, outputSize, lower, weight, first };
}

/**
 * Upsamples one response.
 *
 * @param response float32, row-major; `[rows.inputSize, columns.inputSize]` from `start` on; read only.
 * @param out written, row-major `[rows.outputSize, columns.outputSize]`.
 */
export function upsample(
  response: Float32Array,
  rows: UpsampleAxis,
  columns: UpsampleAxis,
  {
    start = 0,
    out = new Float64Array(rows.outputSize * columns.outputSize),
  }: { start?: number; out?: Float64Array } = {},
): Float64Array {
  const width = columns.inputSize;
  const line = new Float64Array(width + 1);
  let index = 0;
  for (let y = 0; y < rows.outputSize; y++) {
    blendRow(response, start, rows, width, y, line);
    for (let x = 0; x < columns.outputSize; x++) {
      const cell = columns.lower[x];
      const left = line[cell];
      out[index++] = left + (line[cell + 1] - left) * columns.weight[x];
    }
  }
  return out;
}

/**
 * Lists where an upsampled response exceeds a threshold (strictly), in row-major order.
 *
 * @param response float32, row-major; `[rows.inputSize, columns.inputSize]` from `start` on; read only.
 * @param out receives the positions in the output, from `outStart` on; needs room for `outputSize²` of them.
 * @returns how many positions were written.
 */
export function listRegion(
  response: Float32Array,
  threshold: number,
  rows: UpsampleAxis,
  columns: UpsampleAxis,
  out: Int32Array,
  { start = 0, outStart = 0 }: { start?: number; outStart?: number } = {},
): number {
  const { inputSize: height, first: firstRow } = rows;
  const { inputSize: width, outputSize: outWidth, first: firstColumn, weight } = columns;
  let written = outStart;
  let line: Float64Array | undefined;
  let above = false;
  let here = rowExceeds(response, start, width, threshold);
  for (let cellRow = 0; cellRow < height; cellRow++) {
    above = here;
    here = cellRow + 1 < height && rowExceeds(response, start + (cellRow + 1) * width, width, threshold);
    if (!above && !here) continue;
    line ??= new Float64Array(width + 1);
    for (let y = firstRow[cellRow]; y < firstRow[cellRow + 1]; y++) {
      blendRow(response, start, rows, width, y, line);
      for (let cell = 0; cell < width; cell++) {
        const left = line[cell];
        const right = line[cell + 1];
        if (!(left > threshold || right > threshold)) continue;
        const end = firstColumn[cell + 1];
        for (let x = firstColumn[cell]; x < end; x++) {
          if (left + (right - left) * weight[x] > threshold) out[written++] = y * outWidth + x;
        }
      }
    }
  }
  return written - outStart;
}

/**
 * The region of an output of any size where a unit's response, upsampled bilinearly (half-pixel), exceeds a threshold.
 *
 * @param response float32, row-major `[height, width]`; read only.
 * @returns uint8, row-major `[outHeight, outWidth]`: 1 inside the region.
 */
export function thresholdedRegion(
  response: Float32Array,
  height: number,
  width: number,
  threshold: number,
  outHeight: number,
  outWidth: number,
): Uint8Array {
  if (response.length !== height * width) {
    throw new UnitscopeError("shape", `response: expected ${height}×${width} values, got ${response.length}`);
  }
  const mask = new Uint8Array(outHeight * outWidth);
  const pixels = new Int32Array(mask.length);
  const count = listRegion(
    response,
    threshold,
    halfPixelAxis(height, outHeight),
    halfPixelAxis(width, outWidth),
    pixels,
  );
  for (let i = 0; i < count; i++) mask[pixels[i]] = 1;
  return mask;
}

function rowExceeds(response: Float32Array, from: number, width: number, threshold: number): boolean {
  for (let index = from; index < from + width; index++) if (response[index] > threshold) return true;
  return false;
}

/** Writes the row of output line `y`, still at the input's width, and repeats its last value once. */
function blendRow(
  response: Float32Array,
  start: number,
  rows: UpsampleAxis,
  width: number,
  y: number,
  line: Float64Array,
): void {
  const cell = rows.lower[y];
  const weight = rows.weight[y];
  const upper = start + cell * width;
  const below = cell + 1 < rows.inputSize ? upper + width : upper;
  for (let x = 0; x < width; x++) {
    const a = response[upper + x];
    line[x] = a + (response[below + x] - a) * weight;
  }
  line[width] = line[width - 1];
}
