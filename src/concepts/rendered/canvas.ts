/**
 * A small painter: figures filled with two-coloured patterns, antialiased in the picture and exact in the label maps,
 * which hold a label wherever a pixel's centre lies inside the figure that is on top there.
 */
import type { Figure } from "./shapes.ts";

/** Red, green and blue in 0..255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Categories that a drawing labels, in the order of its label maps. */
export const drawnCategories = ["texture", "shape", "object", "part"] as const;
/** One of them. */
export type DrawnCategory = (typeof drawnCategories)[number];

/** What a figure is filled with. The pattern is asked in image coordinates, from 0 to 1. */
export interface Paint {
  readonly first: Rgb;
  readonly second: Rgb;
  /** Share of the second colour; plain first colour when absent. */
  readonly pattern?: (u: number, v: number) => number;
}

/** Where a figure's square lies in the image. */
export interface Placement {
  /** Centre, in image coordinates. */
  readonly u: number;
  readonly v: number;
  /** Half the side of the figure's square, in image coordinates. */
  readonly radius: number;
  /** Turn to the right, in radians. */
  readonly angle: number;
  /** Whether left and right are exchanged. */
  readonly mirrored?: boolean;
}

/** A picture under construction, `side` pixels wide and high. */
export interface Canvas {
  readonly side: number;
  /** Row-major `[side, side, 3]`, 0..255. */
  readonly pixels: Float32Array;
  /** Labels by category, row-major `[side, side]`; 0 is none. */
  readonly labels: Readonly<Record<DrawnCategory, Uint16Array>>;
}

/** Samples along each side of a pixel. */
const SAMPLES = 2;

/** An empty, black picture. */
export function newCanvas(side: number): Canvas {
  const map = (): Uint16Array => new Uint16Array(side * side);
  return {
    side,
    pixels: new Float32Array(3 * side * side),
    labels: { texture: map(), shape: map(), object: map(), part: map() },
  };
}

/**
 * Fills a figure over what is there.
 *
 * @param labels what the figure shows; categories that are left out become unlabelled under it.
 * @param placement where; without one, the figure is asked in image coordinates.
 */
export function fill(
  canvas: Canvas,
  figure: Figure,
  { first, second, pattern }: Paint,
  labels: Partial<Record<DrawnCategory, number>>,
  placement?: Placement,
): void {
  const { side, pixels } = canvas;
  const inside = placement ? placed(figure, placement) : figure;
  const { left, right, top, bottom } = placement
    ? boundsOf(placement, side)
    : { left: 0, right: side, top: 0, bottom: side };
  const maps = drawnCategories.map((category) => canvas.labels[category]);
  const values = drawnCategories.map((category) => labels[category] ?? 0);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = y * side + x;
      let hits = 0;
      let share = 0;
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        const u = (x + ((sample % SAMPLES) + 0.5) / SAMPLES) / side;
        const v = (y + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / side;
        if (!inside(u, v)) continue;
        hits++;
        if (pattern) share += pattern(u, v);
      }
      if (hits > 0) {
        const cover = hits / (SAMPLES * SAMPLES);
        const mix = share / hits;
        for (let channel = 0; channel < 3; channel++) {
          const color = first[channel] * (1 - mix) + second[channel] * mix;
          pixels[3 * at + channel] = pixels[3 * at + channel] * (1 - cover) + color * cover;
        }
      }
      if (!inside((x + 0.5) / side, (y + 0.5) / side)) continue;
      for (let category = 0; category < maps.length; category++) maps[category][at] = values[category];
    }
  }
}

function placed(figure: Figure, { u, v, radius, angle, mirrored = false }: Placement): Figure {
  const [cos, sin] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  return (x, y) => {
    const dx = x - u;
    const dy = y - v;
    const across = dx * cos + dy * sin;
    return figure(mirrored ? -across : across, dy * cos - dx * sin);
  };
}

function boundsOf(
  { u, v, radius }: Placement,
  side: number,
): { left: number; right: number; top: number; bottom: number } {
  const reach = Math.SQRT2 * radius;
  const clamp = (value: number): number => Math.min(side, Math.max(0, value));
  return {
    left: clamp(Math.floor((u - reach) * side)),
    right: clamp(Math.ceil((u + reach) * side)),
    top: clamp(Math.floor((v - reach) * side)),
    bottom: clamp(Math.ceil((v + reach) * side)),
  };
}
