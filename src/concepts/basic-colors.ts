/**
 * The eleven basic colour terms (Berlin and Kay 1969) of a pixel: the name of the nearest focal colour in CIELAB.
 *
 * Broden's colour category was made with a table learned from labelled web images (van de Weijer et al. 2009). That
 * table is not reproduced here; the focal colours below are this project's own, and every rule can be read off them.
 */
import type { RgbImage } from "../data/image-set.ts";

/** The terms in alphabetical order; a pixel's colour is its place here. Concept names add `-c`, as in Broden. */
export const basicColors: readonly string[] = [
  "black",
  "blue",
  "brown",
  "green",
  "grey",
  "orange",
  "pink",
  "purple",
  "red",
  "white",
  "yellow",
];

/** Focal colours in sRGB: a term has several where it spans light and dark or more than one hue. */
export const focalColors: Readonly<Record<string, readonly string[]>> = {
  black: ["000000", "1c1c1c", "303030", "3e3e3e", "1a2418", "241a18", "181a28", "30362e", "3a3230"],
  blue: ["0000ff", "0a2a8c", "2f6fd0", "5fa8e8", "9cc8ee", "20406c", "00bfff", "5b80a8", "8094b0", "b4c4e0", "46566c"],
  brown: ["5a3010", "7a4a20", "96683c", "a58058", "4a3524", "6e5a42", "8e7a66"],
  green: ["00c000", "0a5a1e", "4f8a30", "8cc850", "406040", "80d8a0", "6f8050", "00f080", "5a6650", "94a888", "3a4a32"],
  grey: ["585858", "707070", "8a8a8a", "a0a0a0", "b0b0b0"],
  orange: ["ff8000", "e06a10", "f0a040", "d88838", "ff9f5f", "b86420"],
  pink: ["ff80c0", "ffb0c8", "f0c0b8", "e060a0", "d89890", "ff60a8", "c8a8a4", "e0ccc8"],
  purple: ["800080", "a040c8", "5a2a78", "b890d8", "705080", "4b0082", "d040e0", "6c5468", "9080a0"],
  red: ["ff0000", "b01018", "701014", "d84030", "902a2a", "6a3430"],
  white: ["ffffff", "ececec", "d4d4d4", "c8c8c8", "dce4ec"],
  yellow: ["ffff00", "f0d020", "e8e080", "c8b030", "f8f0a8", "d0c48c", "b0a060"],
};

/** Bits that are kept of each channel: all colours of one cell of the cube share a name. */
const BITS = 5;

/** CIELAB (D65) of an sRGB colour with channels in 0..255; IEC 61966-2-1 and CIE 15. */
export function labOf(red: number, green: number, blue: number): [L: number, a: number, b: number] {
  const linear = (value: number): number => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  const [r, g, b] = [linear(red), linear(green), linear(blue)];
  const f = (t: number): number => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

let table: Uint8Array | undefined;

/** The name of every cell of the colour cube, `[32, 32, 32]` by red, green and blue. */
function colorTable(): Uint8Array {
  if (table) return table;
  const foci = basicColors.flatMap((name, color) =>
    (focalColors[name] ?? []).map((hex) => {
      const bytes = Number.parseInt(hex, 16);
      return { color, lab: labOf(bytes >> 16, (bytes >> 8) & 255, bytes & 255) };
    }),
  );
  const side = 1 << BITS;
  const middle = (cell: number): number => (cell + 0.5) * (256 >> BITS) - 0.5;
  table = new Uint8Array(side ** 3);
  for (let cell = 0; cell < table.length; cell++) {
    const lab = labOf(middle(cell >> (2 * BITS)), middle((cell >> BITS) % side), middle(cell % side));
    let nearest = Number.POSITIVE_INFINITY;
    for (const focus of foci) {
      const distance = lab.reduce((sum, value, i) => sum + (value - focus.lab[i]) ** 2, 0);
      if (distance >= nearest) continue;
      nearest = distance;
      table[cell] = focus.color;
    }
  }
  return table;
}

/**
 * The basic colour of every position of a label map laid over an image: that of the pixel under the position's centre.
 *
 * @returns uint8, row-major `[height, width]`: places in `basicColors`.
 */
export function colorMap(image: RgbImage, height: number = image.height, width: number = image.width): Uint8Array {
  const names = colorTable();
  const drop = 8 - BITS;
  const map = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * image.height) / height) * image.width;
    for (let x = 0; x < width; x++) {
      const at = 3 * (row + Math.floor(((x + 0.5) * image.width) / width));
      const red = image.data[at] >> drop;
      const green = image.data[at + 1] >> drop;
      const blue = image.data[at + 2] >> drop;
      map[y * width + x] = names[(red << (2 * BITS)) | (green << BITS) | blue];
    }
  }
  return map;
}
