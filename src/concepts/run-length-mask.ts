/**
 * Masks as COCO stores them: run lengths down the columns, beginning with a run of zeros, as a list of numbers or
 * packed into a string; and polygons.
 *
 * Polygons are filled as COCO's own tools do it, so that areas agree to the pixel: vertices are rounded to a grid five
 * times as fine, edges are walked on that grid, and where an edge passes the middle of a pixel column the fill toggles,
 * from the first pixel whose centre is not above the crossing.
 */
import { UnitscopeError } from "../errors.ts";

/** Cells of the fine grid in one pixel. */
const GRID = 5;

/** Vertices farther out than so many times the longer side are no part of the image: every step to them is walked. */
const FAR = 16;

/** A mask as run lengths. */
export interface RunLengthMask {
  readonly size: readonly [height: number, width: number];
  readonly counts: readonly number[] | string;
}

/**
 * Expands run lengths.
 *
 * @returns uint8, row-major `[height, width]`, 1 inside.
 * @throws {UnitscopeError} `data` if the runs do not fill the mask exactly.
 */
export function expandRuns({ size: [height, width], counts }: RunLengthMask, place: string): Uint8Array {
  const runs = typeof counts === "string" ? unpackRuns(counts, place) : counts;
  const mask = new Uint8Array(height * width);
  let at = 0;
  for (const [index, run] of runs.entries()) {
    if (!Number.isInteger(run) || run < 0 || at + run > mask.length) {
      throw new UnitscopeError(
        "data",
        `${place}: expected runs that fill ${height}×${width} pixels, got run ${index} of ${run} after ${at}`,
      );
    }
    if (index % 2 === 1) fillColumns(mask, height, width, at, at + run);
    at += run;
  }
  if (at !== mask.length) {
    throw new UnitscopeError("data", `${place}: expected runs that fill ${height}×${width} pixels, got ${at} in all`);
  }
  return mask;
}

/**
 * Unpacks a string of runs: base-32 digits with the low one first, each character 48 + digit + 32 if more follow, the
 * last digit's top bit the sign; from the fourth number on, the difference to the number two before.
 */
function unpackRuns(text: string, place: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let scale = 1;
    for (;;) {
      const digit = text.charCodeAt(at++) - 48;
      if (!(digit >= 0 && digit < 64)) {
        throw new UnitscopeError("data", `${place}: expected packed run lengths, got "${text.slice(0, 20)}"`);
      }
      value += (digit & 31) * scale;
      scale *= 32;
      if (digit & 32) continue;
      if (digit & 16) value -= scale;
      break;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

/**
 * Fills a polygon.
 *
 * @param vertices x and y in turn, in pixels; the left edge of the image is x = 0.
 * @returns uint8, row-major `[height, width]`, 1 inside.
 * @throws {UnitscopeError} `data` for fewer than three vertices, and for one far outside of the image.
 */
export function fillPolygon(vertices: readonly number[], height: number, width: number, place: string): Uint8Array {
  if (vertices.length < 6 || vertices.length % 2 !== 0 || !vertices.every(Number.isFinite)) {
    throw new UnitscopeError(
      "data",
      `${place}: expected a polygon of at least three x, y pairs, got ${vertices.length} numbers`,
    );
  }
  const far = FAR * Math.max(height, width);
  const stray = vertices.find((value) => Math.abs(value) > far);
  if (stray !== undefined) {
    throw new UnitscopeError("data", `${place}: expected a polygon in an image of ${width}×${height}, got ${stray}`);
  }
  const toggles = columnCrossings(vertices, height, width).sort((a, b) => a - b);
  const mask = new Uint8Array(height * width);
  for (let i = 0; i < toggles.length; i += 2) {
    fillColumns(mask, height, width, toggles[i], toggles[i + 1] ?? mask.length);
  }
  return mask;
}

/** Where, in column-major order, the outline enters or leaves the polygon. */
function columnCrossings(vertices: readonly number[], height: number, width: number): number[] {
  const toGrid = (value: number): number => Math.trunc(GRID * value + 0.5);
  const corners = vertices.length / 2;
  const crossings: number[] = [];
  let last: { x: number; y: number } | undefined;
  for (let corner = 0; corner < corners; corner++) {
    const next = (corner + 1) % corners;
    const from = { x: toGrid(vertices[2 * corner]), y: toGrid(vertices[2 * corner + 1]) };
    const to = { x: toGrid(vertices[2 * next]), y: toGrid(vertices[2 * next + 1]) };
    for (const point of gridPoints(from, to)) {
      if (last && point.x !== last.x) {
        const column = (Math.min(point.x, last.x) + 0.5) / GRID - 0.5;
        if (Number.isInteger(column) && column >= 0 && column <= width - 1) {
          const y = (Math.min(point.y, last.y) + 0.5) / GRID - 0.5;
          crossings.push(column * height + Math.ceil(Math.min(Math.max(y, 0), height)));
        }
      }
      last = point;
    }
  }
  return crossings;
}

/** The points of an edge, one for every step along its longer axis, always computed from the same end. */
function* gridPoints(
  from: { x: number; y: number },
  to: { x: number; y: number },
): Generator<{ x: number; y: number }> {
  const dx = Math.abs(to.x - from.x);
  const dy = Math.abs(to.y - from.y);
  const wide = dx >= dy;
  const backwards = wide ? from.x > to.x : from.y > to.y;
  const [start, end] = backwards ? [to, from] : [from, to];
  const steps = wide ? dx : dy;
  const slope = steps === 0 ? 0 : wide ? (end.y - start.y) / steps : (end.x - start.x) / steps;
  for (let i = 0; i <= steps; i++) {
    const t = backwards ? steps - i : i;
    yield wide
      ? { x: start.x + t, y: Math.trunc(start.y + slope * t + 0.5) }
      : { x: Math.trunc(start.x + slope * t + 0.5), y: start.y + t };
  }
}

/** Sets the pixels `from..to-1`, counted down the columns. */
function fillColumns(mask: Uint8Array, height: number, width: number, from: number, to: number): void {
  for (let at = from; at < to; at++) mask[(at % height) * width + Math.floor(at / height)] = 1;
}
