/**
 * A diverging scale that colour-blind readers can follow: blue for gains, orange for damage (hues of Okabe and Ito),
 * with lightness that runs one way on both sides, through the page's ground in the middle.
 */

type Rgb = readonly [number, number, number];

interface Ramp {
  readonly ground: Rgb;
  readonly gain: readonly Rgb[];
  readonly damage: readonly Rgb[];
}

const light: Ramp = {
  ground: [246, 247, 248],
  damage: [
    [246, 247, 248],
    [253, 208, 162],
    [241, 140, 66],
    [200, 80, 10],
    [122, 38, 0],
  ],
  gain: [
    [246, 247, 248],
    [176, 212, 238],
    [90, 160, 214],
    [11, 105, 168],
    [0, 52, 98],
  ],
};
const dark: Ramp = {
  ground: [24, 29, 36],
  damage: [
    [24, 29, 36],
    [102, 48, 16],
    [190, 84, 24],
    [255, 140, 70],
    [255, 214, 170],
  ],
  gain: [
    [24, 29, 36],
    [14, 58, 96],
    [20, 104, 168],
    [84, 170, 236],
    [186, 222, 252],
  ],
};

/** Steps on either side of zero. */
export const steps = 128;

/** Colours of −1 … 1 in `2 · steps + 1` entries, packed as ImageData has them (little-endian RGBA); last: no value. */
export function palette(isDark: boolean): Uint32Array {
  const ramp = isDark ? dark : light;
  const colours = new Uint32Array(2 * steps + 2);
  for (let at = -steps; at <= steps; at++) {
    colours[at + steps] = pack(along(at < 0 ? ramp.gain : ramp.damage, Math.abs(at) / steps));
  }
  colours[2 * steps + 1] = pack(ramp.ground);
  return colours;
}

/** The entry of a value: its sign and the root of its size, so that small effects are seen beside large ones. */
export function paletteIndex(value: number, limit: number): number {
  if (Number.isNaN(value)) return 2 * steps + 1;
  const share = Math.min(1, Math.abs(value) / limit);
  return steps + Math.sign(value) * Math.round(steps * Math.sqrt(share));
}

/** An entry as CSS. */
export function cssColour(colours: Uint32Array, index: number): string {
  const packed = colours[index] as number;
  return `rgb(${packed & 255},${(packed >> 8) & 255},${(packed >> 16) & 255})`;
}

function along(ramp: readonly Rgb[], share: number): Rgb {
  const place = share * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(place));
  const [from, to] = [ramp[low] as Rgb, ramp[low + 1] as Rgb];
  const mix = (at: 0 | 1 | 2): number => Math.round(from[at] + (to[at] - from[at]) * (place - low));
  return [mix(0), mix(1), mix(2)];
}

function pack([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
