/** Textures as functions of the place: how much of the second of two colours is there. */

/** A texture's share of the second colour, in [0, 1], at a place; one period is one unit. */
export type Texture = (x: number, y: number) => number;

const fraction = (value: number): number => value - Math.floor(value);
/** 0 at whole numbers, 1 half way between. */
const ramp = (value: number): number => 1 - Math.abs(2 * fraction(value) - 1);
const either = (condition: boolean): number => (condition ? 1 : 0);

/** Every texture; `phase` is a whole number that varies the ones with random detail. */
export const textures: Readonly<Record<string, (phase: number) => Texture>> = {
  striped: () => (x) => either(fraction(x) < 0.5),
  dotted: () => (x, y) => either((fraction(x) - 0.5) ** 2 + (fraction(y) - 0.5) ** 2 < 0.09),
  chequered: () => (x, y) => either(Math.abs(Math.floor(2 * x) + Math.floor(2 * y)) % 2 === 0),
  gridded: () => (x, y) => either(fraction(x) < 0.22 || fraction(y) < 0.22),
  woven: () => (x, y) => {
    const across = Math.abs(Math.floor(2 * x) + Math.floor(2 * y)) % 2 === 0;
    return 0.15 + 0.85 * ramp(across ? 2 * y : 2 * x) * (across ? 1 : 0.6);
  },
  zigzagged: () => (x, y) => either(fraction(y + 0.5 * ramp(x)) < 0.5),
  crosshatched: () => (x, y) => 0.5 * either(fraction(x + y) < 0.25) + 0.5 * either(fraction(x - y) < 0.25),
  wavy: () => (x, y) => either(fraction(y + 0.18 * Math.sin(2 * Math.PI * x)) < 0.5),
  honeycombed: () => (x, y) => either(nearestOfHexagons(x, y) > 0.4),
  bricked: () => (x, y) => {
    const row = Math.floor(2 * y);
    return either(fraction(2 * y) < 0.2 || fraction(x + (row % 2 === 0 ? 0 : 0.5)) < 0.1);
  },
  scaly: () => (x, y) => {
    const row = Math.floor(2 * y);
    const along = fraction(x + (row % 2 === 0 ? 0 : 0.5)) - 0.5;
    const reach = Math.hypot(along, 0.5 * fraction(2 * y));
    return Math.min(1, 2 * reach) ** 3;
  },
  ringed: () => (x, y) => either(fraction(Math.hypot(x, y)) < 0.5),
  rayed: () => (x, y) => either(fraction((Math.atan2(y, x) / (2 * Math.PI)) * 10) < 0.5),
  lozenged: () => (x, y) => either(Math.abs(fraction(x) - 0.5) + 0.6 * Math.abs(fraction(y) - 0.5) < 0.26),
  marbled: (phase) => (x, y) => 0.5 + 0.5 * Math.sin(3 * x + 7 * smoothNoise(x, y, phase)),
  speckled: (phase) => (x, y) => either(latticeNoise(Math.floor(5 * x), Math.floor(5 * y), phase) < 0.3),
};

/** Distance from the nearest centre of a hexagonal lattice, as hexagons measure it: 0.5 on the border. */
function nearestOfHexagons(x: number, y: number): number {
  const height = Math.sqrt(3);
  let nearest = Number.POSITIVE_INFINITY;
  for (const shift of [0, 0.5]) {
    const dx = Math.abs(fraction(x + shift) - 0.5);
    const dy = Math.abs(fraction(y / height + shift) - 0.5) * height;
    nearest = Math.min(nearest, Math.max(dx, 0.5 * dx + (height / 2) * dy));
  }
  return nearest;
}

/** A random number in [0, 1) for every point of a lattice. */
export function latticeNoise(x: number, y: number, phase: number): number {
  let word = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(phase, 0x9e3779b9);
  word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d);
  word = Math.imul(word ^ (word >>> 12), 0x297a2d39);
  return ((word ^ (word >>> 15)) >>> 0) / 0x1_0000_0000;
}

/** Lattice noise, blended smoothly between its points. */
export function smoothNoise(x: number, y: number, phase: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const ease = (t: number): number => t * t * (3 - 2 * t);
  const [u, v] = [ease(x - column), ease(y - row)];
  const top = latticeNoise(column, row, phase) * (1 - u) + latticeNoise(column + 1, row, phase) * u;
  const bottom = latticeNoise(column, row + 1, phase) * (1 - u) + latticeNoise(column + 1, row + 1, phase) * u;
  return top * (1 - v) + bottom * v;
}
