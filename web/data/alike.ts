/** Units that are like a unit. */
import type { LoadedLayer } from "./layer.ts";

/** Another unit and how like it is, up to 1. */
export interface Alike {
  readonly unit: number;
  readonly likeness: number;
}

/** By correlation of responses over the run's images. */
export function alikeByResponses(layer: LoadedLayer, unit: number): Alike[] {
  const found: Alike[] = [];
  for (let at = 0; at < layer.alikeCount; at++) {
    const other = layer.alikeUnit[unit * layer.alikeCount + at] ?? -1;
    if (other >= 0) found.push({ unit: other, likeness: layer.alikeCorrelation[unit * layer.alikeCount + at] ?? 0 });
  }
  return found;
}

/** By the cosine between vectors of class drops; units without any drop are like nothing. */
export function alikeByDrops({ drops, units, classes }: LoadedLayer, unit: number, limit: number = 6): Alike[] {
  const length = (of: number): number => {
    let sum = 0;
    for (let cls = 0; cls < classes; cls++) sum += (drops[of * classes + cls] || 0) ** 2;
    return Math.sqrt(sum);
  };
  const own = length(unit);
  if (own === 0) return [];
  const all: Alike[] = [];
  for (let other = 0; other < units; other++) {
    const theirs = other === unit ? 0 : length(other);
    if (theirs === 0) continue;
    let sum = 0;
    for (let cls = 0; cls < classes; cls++)
      sum += (drops[unit * classes + cls] || 0) * (drops[other * classes + cls] || 0);
    all.push({ unit: other, likeness: sum / (own * theirs) });
  }
  return all
    .sort((a, b) => b.likeness - a.likeness || a.unit - b.unit)
    .slice(0, limit)
    .filter(({ likeness }) => likeness > 0);
}
