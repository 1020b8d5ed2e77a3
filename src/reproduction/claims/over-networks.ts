/** What several networks' last convolutions say together. */
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { networkInterval } from "../../stats/network-interval.ts";
import { type Evidence, type LastLayer, networksOf } from "../evidence.ts";

/** The plain networks whose last convolution was removed in sets and rotated. */
export function lastLayers(evidence: Pick<Evidence, "networks">): LastLayer[] {
  return networksOf(evidence, "plain").flatMap(({ last }) => (last ? [last] : []));
}

/** `conv5 (5 networks)`; `conv5` where there is one. */
export function lastLayerName(layers: readonly LastLayer[]): string {
  return layers.length > 1 ? `conv5 (${layers.length} networks)` : "conv5";
}

/**
 * The mean over networks of a number, with its interval over networks (Student's t); of one network its own interval.
 * Networks that all give the same (every class is gone in each) are as sure as each of them is by itself.
 */
export function overNetworks<T>(networks: readonly T[], measure: (network: T) => Estimate): Estimate {
  const found = networks.map(measure).filter(({ value }) => Number.isFinite(value));
  const [first] = found;
  if (first && found.every(({ value }) => value === first.value)) {
    const [lows, highs] = [found.map(({ low }) => low), found.map(({ high }) => high)];
    return { value: first.value, low: Math.min(...lows), high: Math.max(...highs) };
  }
  return networkInterval(found.map(({ value }) => value));
}
