/** Which of a network's labels are asked for: one by name or number, several with commas between them, or all. */
import { type ClassList, classNamesOf, listOf } from "../data/classes/class-list.ts";
import { matchClasses } from "../data/classes/map-classes.ts";
import { UnitscopeError } from "../errors.ts";

/** A label of a network. */
export interface NetworkLabel {
  /** Its output, from 0. */
  readonly number: number;
  readonly name: string;
  /** What finds it again. */
  readonly text: string;
}

/**
 * Finds labels. A text that is a label's name as it is, commas and all, is that label.
 *
 * @param text `dog`, `3`, `dog,cat`, or `all`.
 * @param options.named the names of a network's labels, if it has any.
 * @returns the labels, and the list that they are in: their numbers where they have no names.
 * @throws {UnitscopeError} `data` for a label that the network has not, or has without a name; `usage` for none.
 */
export function askedLabels(
  text: string,
  { place, classCount, named }: { place: string; classCount: number; named: ClassList | undefined },
): { known: ClassList; labels: readonly [NetworkLabel, ...NetworkLabel[]] } {
  const known = named ?? numbered(place, classCount);
  const names = classNamesOf(known);
  const label = (number: number): NetworkLabel => ({
    number,
    name: names[number],
    text: textFor(number, known, names),
  });
  const wanted = sameCommas(text);
  const whole = known.classes.findIndex(
    ({ words }, number) => sameCommas(words.join(",")) === wanted || sameCommas(names[number]) === wanted,
  );
  if (whole >= 0) return { known, labels: [label(whole)] };
  if (text === "all")
    return { known, labels: [label(0), ...Array.from({ length: classCount - 1 }, (_, at) => label(at + 1))] };
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length > 1 && parts.includes("")) {
    throw new UnitscopeError(
      "usage",
      `option "label": expected names of labels with commas between them, got "${text}"`,
    );
  }
  const bare = parts.find((part) => !/^\d+$/.test(part));
  if (!named && bare !== undefined) throw unnamed(place, classCount, `to find "${bare}" by`);
  const numbers = parts.map((part) => matchClasses([part], known, 'option "label"')[0]);
  const twice = numbers.findIndex((number, at) => numbers.indexOf(number) < at);
  if (twice >= 0) {
    const first = parts[numbers.indexOf(numbers[twice])];
    throw new UnitscopeError("usage", `option "label": expected each label once, got "${first}" and "${parts[twice]}"`);
  }
  const [first, ...others] = numbers;
  return { known, labels: [label(first), ...others.map(label)] };
}

/** A text without what does not tell names apart: capitals, and blanks at commas and ends. */
function sameCommas(text: string): string {
  return text
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .join(",");
}

/** A name that stands for one label alone, else its number. */
export function textFor(number: number, known: ClassList, names: readonly string[]): string {
  try {
    return matchClasses([names[number]], known, "label")[0] === number ? names[number] : `${number}`;
  } catch (error) {
    if (error instanceof UnitscopeError) return `${number}`;
    throw error;
  }
}

/** Labels that are numbers need no names. */
function numbered(place: string, classCount: number): ClassList {
  return listOf(
    Array.from({ length: classCount }, (_, cls) => `${cls}`),
    place,
  );
}

/** What to say of a network that does not say what its labels are called. @param why what they are needed for. */
export function unnamed(place: string, classCount: number, why: string): UnitscopeError {
  return new UnitscopeError(
    "data",
    `${place}: expected names of its ${classCount} labels ${why}, got none; give option "classes" FILE, one name a line in the order of its outputs`,
  );
}
