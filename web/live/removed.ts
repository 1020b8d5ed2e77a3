/** Removed units in the address: `conv5:21.36|conv4:3`. */
import type { Removed } from "./network.ts";

/** The text of removed units; empty for none. */
export function removedText(removed: Removed): string {
  return Object.entries(removed)
    .filter(([, units]) => units.length > 0)
    .map(([layer, units]) => `${encodeURIComponent(layer)}:${units.join(".")}`)
    .join("|");
}

/** Reads it back; what does not fit the layers is left out. */
export function parseRemoved(
  text: string,
  layers: readonly { readonly name: string; readonly units: number }[],
): Removed {
  const removed: Record<string, number[]> = Object.create(null) as Record<string, number[]>; // a layer may be called constructor
  for (const part of text.split("|")) {
    const [name = "", units = ""] = part.split(":");
    const layer = layers.find((each) => encodeURIComponent(each.name) === name);
    if (!layer) continue;
    const numbers = units
      .split(".")
      .filter((each) => /^\d+$/.test(each))
      .map(Number)
      .filter((unit) => unit < layer.units);
    if (numbers.length > 0) removed[layer.name] = [...new Set(numbers)].sort((a, b) => a - b);
  }
  return removed;
}

/** The removed units of a layer. */
export function unitsOf(removed: Removed, layer: string): readonly number[] {
  return Object.hasOwn(removed, layer) ? (removed[layer] ?? []) : [];
}

/** With one unit more, or less if it was among them. */
export function toggled(removed: Removed, layer: string, unit: number): Removed {
  const own = unitsOf(removed, layer);
  const next = own.includes(unit) ? own.filter((each) => each !== unit) : [...own, unit].sort((a, b) => a - b);
  return Object.assign(Object.create(null), removed, { [layer]: next }) as Removed;
}

/** How many units are removed. */
export function removedCount(removed: Removed): number {
  return Object.values(removed).reduce((sum, units) => sum + units.length, 0);
}
