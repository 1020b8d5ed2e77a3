/** Units whose responses go together: Pearson correlation of pooled responses over the images. */
import type { AlikeUnits } from "./layer-data.ts";

/**
 * The most correlated other units of every unit; silent units have none and are nobody's.
 * @param pooled responses, row-major `[units, images]`.
 */
export function alikeUnits(
  pooled: Float64Array,
  unitCount: number,
  { count = 6 }: { count?: number } = {},
): AlikeUnits {
  const imageCount = pooled.length / unitCount;
  const normal = new Float32Array(pooled.length);
  const varies = new Uint8Array(unitCount);
  for (let unit = 0; unit < unitCount; unit++) {
    const row = pooled.subarray(unit * imageCount, (unit + 1) * imageCount);
    const mean = row.reduce((sum, value) => sum + value, 0) / imageCount;
    const norm = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0));
    if (!(norm > 0)) continue;
    varies[unit] = 1;
    for (let image = 0; image < imageCount; image++) normal[unit * imageCount + image] = (row[image] - mean) / norm;
  }
  const units = new Int32Array(unitCount * count).fill(-1);
  const correlations = new Float32Array(unitCount * count);
  const offer = (unit: number, other: number, correlation: number): void => {
    const first = unit * count;
    let place = first + count;
    while (place > first && (units[place - 1] < 0 || correlations[place - 1] < correlation)) place--;
    if (place === first + count) return;
    units.copyWithin(place + 1, place, first + count - 1);
    correlations.copyWithin(place + 1, place, first + count - 1);
    units[place] = other;
    correlations[place] = correlation;
  };
  for (let a = 0; a < unitCount; a++) {
    if (!varies[a]) continue;
    for (let b = a + 1; b < unitCount; b++) {
      if (!varies[b]) continue;
      let sum = 0;
      for (let i = a * imageCount, j = b * imageCount; i < (a + 1) * imageCount; i++, j++) sum += normal[i] * normal[j];
      offer(a, b, sum);
      offer(b, a, sum);
    }
  }
  return { count, units, correlations };
}
