/** Response maps: an image that is dark where a unit does not respond. */
import type { RgbImage } from "../../src/data/image-set.ts";

/** Darkness where the response is 0. */
const darkest = 0.82;

/** Paints an image darkened by a response map `[height, width]`; `largest` is the response of full brightness. */
export function paintHeat(
  canvas: HTMLCanvasElement,
  image: RgbImage,
  response: ArrayLike<number>,
  { width, height, largest }: { width: number; height: number; largest: number },
): void {
  canvas.width = image.width;
  canvas.height = image.height;
  const pixels = new ImageData(image.width, image.height);
  for (let y = 0, from = 0, to = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++, from += 3, to += 4) {
      const value = bilinear(
        response,
        width,
        height,
        ((x + 0.5) * width) / image.width - 0.5,
        ((y + 0.5) * height) / image.height - 0.5,
      );
      const light = 1 - darkest * (1 - Math.min(1, Math.max(0, largest > 0 ? value / largest : 0)));
      for (let channel = 0; channel < 3; channel++)
        pixels.data[to + channel] = (image.data[from + channel] as number) * light;
      pixels.data[to + 3] = 255;
    }
  }
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** Paints a bare response map, one pixel a position. */
export function paintMap(
  canvas: HTMLCanvasElement,
  response: ArrayLike<number>,
  {
    width,
    height,
    largest,
    colour,
  }: { width: number; height: number; largest: number; colour: readonly [number, number, number] },
): void {
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const share = Math.min(1, Math.max(0, largest > 0 ? (response[at] as number) / largest : 0));
    pixels.data.set([...colour, Math.round(255 * share ** 0.7)], 4 * at);
  }
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

function bilinear(map: ArrayLike<number>, width: number, height: number, x: number, y: number): number {
  const [left, top] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const [x0, y0] = [Math.floor(left), Math.floor(top)];
  const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
  const [fx, fy] = [left - x0, top - y0];
  const at = (column: number, row: number): number => map[row * width + column] as number;
  return (at(x0, y0) * (1 - fx) + at(x1, y0) * fx) * (1 - fy) + (at(x0, y1) * (1 - fx) + at(x1, y1) * fx) * fy;
}
