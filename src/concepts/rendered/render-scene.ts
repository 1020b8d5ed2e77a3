/** Composes one picture: a background and textures, shapes or objects on it, all drawn from one random stream. */
import type { Random } from "../../numeric/random.ts";
import { basicColors, focalColors, labOf } from "../basic-colors.ts";
import { type Canvas, type DrawnCategory, fill, newCanvas, type Paint, type Placement, type Rgb } from "./canvas.ts";
import { objects } from "./objects.ts";
import { type Figure, shapes } from "./shapes.ts";
import { smoothNoise, textures } from "./textures.ts";

/** Names of the concepts of each category; a label is 1 + the name's place. */
export const drawnNames: Readonly<Record<DrawnCategory, readonly string[]>> = {
  texture: Object.keys(textures),
  shape: Object.keys(shapes),
  object: Object.keys(objects),
  part: [...new Set(Object.values(objects).flatMap((layers) => layers.map(({ part }) => part)))],
};

const everywhere: Figure = () => true;

/** Draws a picture. */
export function renderScene(random: Random, side: number): Canvas {
  const canvas = newCanvas(side);
  const kind = random.uniform();
  if (kind < 0.3) drawTextures(canvas, random);
  else {
    drawBackground(canvas, random);
    if (kind < 0.6) drawShapes(canvas, random);
    else drawObjects(canvas, random);
  }
  light(canvas, random);
  return canvas;
}

/** One texture everywhere, or two beside each other along a straight or curved border. */
function drawTextures(canvas: Canvas, random: Random): void {
  const whole = texturePaint(random);
  fill(canvas, everywhere, whole.paint, { texture: whole.label });
  if (random.uniform() < 0.5) return;
  const other = texturePaint(random);
  const place: Placement = {
    u: between(random, 0.2, 0.8),
    v: between(random, 0.2, 0.8),
    radius: between(random, 0.3, 0.6),
    angle: between(random, 0, 2 * Math.PI),
  };
  const figure: Figure = random.uniform() < 0.5 ? (_, y) => y > 0 : (x, y) => x * x + y * y < 1;
  fill(canvas, random.uniform() < 0.5 ? inImage(figure, place) : everywhereIn(place), other.paint, {
    texture: other.label,
  });
}

/** A figure without the bounds of its square. */
function inImage(figure: Figure, { u, v, radius, angle }: Placement): Figure {
  const [cos, sin] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  return (x, y) => figure((x - u) * cos + (y - v) * sin, (y - v) * cos - (x - u) * sin);
}

function everywhereIn(place: Placement): Figure {
  return inImage((x, y) => Math.abs(x) < 1 && Math.abs(y) < 1, place);
}

function drawShapes(canvas: Canvas, random: Random): void {
  const count = 1 + random.integer(3);
  for (let i = 0; i < count; i++) {
    const label = random.integer(drawnNames.shape.length);
    const figure = shapes[drawnNames.shape[label]];
    const textured = random.uniform() < 0.25 ? texturePaint(random) : undefined;
    const paint = textured?.paint ?? plainPaint(random);
    const labels = { shape: label + 1, ...(textured && { texture: textured.label }) };
    fill(
      canvas,
      figure,
      paint,
      labels,
      placement(random, count === 1 ? 0.26 : 0.16, count === 1 ? 0.46 : 0.3, Math.PI),
    );
  }
}

function drawObjects(canvas: Canvas, random: Random): void {
  const count = 1 + random.integer(2);
  for (let i = 0; i < count; i++) {
    const label = random.integer(drawnNames.object.length);
    const place = placement(random, count === 1 ? 0.34 : 0.24, count === 1 ? 0.5 : 0.34, 0.2);
    for (const { part, figure, colors } of objects[drawnNames.object[label]] ?? []) {
      const paint = plainPaint(random, colors);
      fill(canvas, figure, paint, { object: label + 1, part: drawnNames.part.indexOf(part) + 1 }, place);
    }
  }
}

/** Plain, a gradient, ground under sky, soft clutter, or a texture (which is labelled). */
function drawBackground(canvas: Canvas, random: Random): void {
  const kind = random.integer(5);
  const [first, second] = [anyColor(random), anyColor(random)];
  const angle = between(random, 0, 2 * Math.PI);
  const phase = random.integer(1 << 30);
  if (kind === 0) fill(canvas, everywhere, { first, second: first }, {});
  else if (kind === 1) {
    const along = (u: number, v: number): number => 0.5 + (u - 0.5) * Math.cos(angle) + (v - 0.5) * Math.sin(angle);
    fill(canvas, everywhere, { first, second, pattern: (u, v) => Math.min(1, Math.max(0, along(u, v))) }, {});
  } else if (kind === 2) {
    const horizon = between(random, 0.4, 0.75);
    fill(canvas, everywhere, { first, second, pattern: (_, v) => (v > horizon ? 1 : 0.25 * v) }, {});
  } else if (kind === 3) {
    const scale = between(random, 2, 7);
    fill(canvas, everywhere, { first, second, pattern: (u, v) => smoothNoise(scale * u, scale * v, phase) }, {});
  } else {
    const texture = texturePaint(random);
    fill(canvas, everywhere, texture.paint, { texture: texture.label });
  }
}

/** A texture of random kind, colours, period, angle and place. */
function texturePaint(random: Random): { paint: Paint; label: number } {
  const index = random.integer(drawnNames.texture.length);
  const texture = textures[drawnNames.texture[index]]?.(random.integer(1 << 30)) ?? (() => 0);
  const period = between(random, 0.14, 0.34);
  const angle = between(random, 0, 2 * Math.PI);
  const [cos, sin] = [Math.cos(angle) / period, Math.sin(angle) / period];
  const [u0, v0] = [random.uniform(), random.uniform()];
  const first = anyColor(random);
  let second = anyColor(random);
  while (contrast(first, second) < 45) second = anyColor(random);
  const pattern = (u: number, v: number): number =>
    texture((u - u0) * cos + (v - v0) * sin, (v - v0) * cos - (u - u0) * sin);
  return { paint: { first, second, pattern }, label: index + 1 };
}

/** One colour, or a gentle change from it across the image. */
function plainPaint(random: Random, colors?: readonly string[]): Paint {
  const first = anyColor(random, colors);
  const factor = between(random, 0.75, 1);
  const [a, b] = [between(random, 0, 1), between(random, 0, 1)];
  const second: Rgb = [first[0] * factor, first[1] * factor, first[2] * factor];
  return { first, second, pattern: (u, v) => Math.min(1, a * u + b * v) };
}

/** A basic colour, of those given or any, at one of its foci, moved a little. */
function anyColor(random: Random, among: readonly string[] = basicColors): Rgb {
  const foci = focalColors[among[random.integer(among.length)]] ?? ["808080"];
  const bytes = Number.parseInt(foci[random.integer(foci.length)], 16);
  const moved = (value: number): number => Math.min(255, Math.max(0, value + between(random, -8, 8)));
  return [moved(bytes >> 16), moved((bytes >> 8) & 255), moved(bytes & 255)];
}

/** Distance in CIELAB. */
function contrast(first: Rgb, second: Rgb): number {
  const [one, two] = [labOf(...first), labOf(...second)];
  return Math.hypot(one[0] - two[0], one[1] - two[1], one[2] - two[2]);
}

function placement(random: Random, smallest: number, largest: number, turn: number): Placement {
  const radius = between(random, smallest, largest);
  const margin = Math.min(0.45, 0.75 * radius);
  return {
    u: between(random, margin, 1 - margin),
    v: between(random, margin, 1 - margin),
    radius,
    angle: between(random, -turn, turn),
    mirrored: random.uniform() < 0.5,
  };
}

/** A light from one side, and a little noise, as any camera has. */
function light({ pixels, side }: Canvas, random: Random): void {
  const [across, down] = [between(random, -0.15, 0.15), between(random, -0.15, 0.15)];
  for (let at = 0; at < side * side; at++) {
    const factor = 1 + across * ((at % side) / side - 0.5) + down * (Math.floor(at / side) / side - 0.5);
    for (let channel = 0; channel < 3; channel++) {
      pixels[3 * at + channel] = pixels[3 * at + channel] * factor + between(random, -4, 4);
    }
  }
}

function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}
