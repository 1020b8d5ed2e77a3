/** Names of options: one that is not known would be ignored, and something else measured than was meant. */
import { listAllowed, UnitscopeError } from "../errors.ts";
import { nearestName } from "../numeric/nearest-name.ts";

/** All options that a call takes; the compiler refuses a list that lacks one or has another. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** Where options of other names belong. */
export type OtherPlaces = Readonly<Record<string, Readonly<Record<string, true>>>>;

/**
 * Checks the names of what was given; one whose value is undefined changes nothing, whatever its name.
 * @param call what the caller wrote.
 * @param elsewhere other places where an option may have been meant to stand, with the options that they take.
 * @throws {UnitscopeError} `usage` for a name that is not known, with the nearest that is, or where it belongs.
 */
export function requireKnown<Options extends object>(
  call: string,
  given: Options,
  known: OptionNames<Options>,
  elsewhere: OtherPlaces = {},
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(known, name)) continue;
    const names = Object.keys(known);
    const place = Object.keys(elsewhere).find((each) => Object.hasOwn(elsewhere[each], name));
    const near = nearestName(name, names);
    const advice = place === undefined ? near && `; did you mean "${near}"?` : `; it belongs to ${place}`;
    throw new UnitscopeError(
      "usage",
      `option "${name}": expected one of ${listAllowed(names)}, got a name that ${call} does not know${advice ?? ""}`,
    );
  }
}
