/** What lines and bands over several samples (seeds, networks) stand for, in words. */

/** More samples than this have outliers of their own: the band leaves out one in twenty. */
const mostWhole = 20;

/** The shares of the samples between which a band lies: all of up to 20, the central 95 % of more. */
export function bandShares(samples: number): readonly [number, number] {
  return samples > mostWhole ? [0.025, 0.975] : [0, 1];
}

/** The same in words. */
export function bandWords(samples: number): string {
  return samples > mostWhole ? "the central 95\u00a0%" : "smallest to largest";
}

/** One kind of curve and its number of samples in every place (layer) that has it. */
export interface SampledKind {
  readonly label: string;
  readonly places: readonly { readonly place: string; readonly samples: number }[];
}

/** The kind with its number of samples, where it has several and as many everywhere: `plain (5 networks)`. */
export function countedLabel({ label, places }: SampledKind, what: string): string {
  const [count = 0, ...others] = countsOf(places);
  return others.length === 0 && count > 1 ? `${label} (${count} ${what}s)` : label;
}

/**
 * The note under a figure with `countedLabel` in its legend; empty if no kind has several samples. Where a kind has more
 * samples in one place than in another, it says so.
 * @param what one sample: `seed`, `network`.
 */
export function bandNote(kinds: readonly SampledKind[], what: string): string {
  const several = kinds.flatMap(({ places }) => countsOf(places)).filter((count) => count > 1);
  if (several.length === 0) return "";
  const words = [...new Set(several.map(bandWords))].sort();
  const holds = words.length > 1 ? `${words[0]}, or ${words[1]} of more than ${mostWhole}` : words[0];
  const uneven = kinds
    .filter(({ places }) => countsOf(places).length > 1)
    .map(({ label, places }) => `${label}: ${placesByCount(places, what)}`);
  const sentence = `Lines: means over ${what}s. Bands: ${holds}`;
  return `${sentence}${uneven.length > 0 ? ` (${uneven.join("; ")})` : ""}.`;
}

function countsOf(places: SampledKind["places"]): number[] {
  return [...new Set(places.map(({ samples }) => samples))].filter((count) => count > 0);
}

/** `2 seeds at conv5, 1 at conv3 and conv4`. */
function placesByCount(places: SampledKind["places"], what: string): string {
  return countsOf(places)
    .sort((a, b) => b - a)
    .map((count, at) => {
      const names = places.filter(({ samples }) => samples === count).map(({ place }) => place);
      return `${count}${at === 0 ? ` ${what}s` : ""} at ${names.join(names.length > 2 ? ", " : " and ")}`;
    })
    .join(", ");
}
