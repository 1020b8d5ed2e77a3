/** The name that was probably meant, by edits of letters (Levenshtein 1966). */
import { closest, distance } from "fastest-levenshtein";

/** The name with the fewest edits, where it takes few: up to a third of the letters, or two. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const best = names.length > 0 ? closest(name, names) : undefined;
  return best !== undefined && distance(name, best) <= Math.max(2, name.length / 3) ? best : undefined;
}
