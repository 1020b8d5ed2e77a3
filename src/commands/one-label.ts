/**
 * A network with a probability of its own for each of several labels, studied for one of them. The label's absence and
 * presence are the two classes, predicted at probability 0.5, so that accuracy and drops are the label's: all in all, of
 * the images that have it, and of those that do not.
 */
import { type ClassList, classNamesOf, openClassList } from "../data/classes/class-list.ts";
import { classesOf, type Outputs } from "../data/classes/fit-classes.ts";
import { columnsFor, matchClasses, nearestName } from "../data/classes/map-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { bytesOf, imagesPerClass, limitPerClass } from "../data/select-images.ts";
import type { LabelPresence } from "../data/several-labels.ts";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { askedLabels, unnamed } from "./asked-labels.ts";

/** A label that was asked for, to be found among those of a network and then among those of images. */
export interface LabelChoice {
  /**
   * Its number among a network's outputs.
   * @throws {UnitscopeError} `data` if the network has no such label, or does not say what its labels are called.
   */
  pick(outputs: Pick<Outputs, "classCount" | "metadata">): number;
  /**
   * Images, opened with `severalLabels` or with one label an image, under the label's absence and presence; and what to
   * say of that. To be called after `pick`.
   *
   * @throws {UnitscopeError} `data` if images have labels that the network lacks, nothing tells which is which, or all or
   *   none of them have the label.
   */
  under(set: ImageSet): { images: ImageSet; note: string };
}

/**
 * A label by name or number.
 * @param options.classes the network's labels in the order of its outputs, if its metadata do not tell.
 * @param options.limit the first so many images with the label, and without it.
 * @throws {UnitscopeError} `file` or `data` for a list of classes that is none.
 */
export async function chooseLabel(
  label: string,
  { modelPath, classes, limit }: { modelPath: string; classes?: string | undefined; limit?: number | undefined },
): Promise<LabelChoice> {
  const place = `model "${modelPath}"`;
  const given = classes === undefined ? undefined : await openClassList(classes);
  let found: { known: ClassList; isNamed: boolean; chosen: number } | undefined;
  return {
    pick: ({ classCount, metadata }) => {
      const named = classesOf({ place, classCount, metadata }, given);
      const asked = askedLabels(label, { place, classCount, named });
      const [{ number: chosen }] = asked.labels;
      if (asked.labels.length > 1) {
        throw new UnitscopeError(
          "usage",
          `option "label": expected one label, got ${asked.labels.length}: ${listAllowed(asked.labels.map(({ name }) => name))}`,
        );
      }
      found = { known: asked.known, isNamed: named !== undefined, chosen };
      return chosen;
    },
    under: (set) => {
      if (!found) throw new UnitscopeError("internal", "label: expected to be found in a network first");
      const { known, isNamed, chosen } = found;
      if (!isNamed && !set.classNames.every((name) => /^\d+$/.test(name))) {
        throw unnamed(place, known.classes.length, `to match those of data "${set.name}" by`);
      }
      const { present, isSigned } = presenceOf(set, known, chosen);
      const name = classNamesOf(known)[chosen];
      const { severalLabels: _, ...rest } = set;
      const all: ImageSet = {
        ...rest,
        labels: present,
        classNames: [`no ${name}`, name],
        hash: sha256(set.hash, bytesOf(present), `label ${chosen} of ${known.classes.length}`),
      };
      const [without, having] = imagesPerClass(all);
      if (without === 0 || having === 0) {
        throw new UnitscopeError(
          "data",
          `data "${set.name}": expected images with the label "${name}" and without, got ${having} with and ${without} without`,
          { details: { untold: name } },
        );
      }
      return {
        images: limit === undefined ? all : limitPerClass(all, limit),
        note: `the classes are images without the label, "no ${name}", and with it, "${name}": accuracy and drops are this label's alone${isSigned ? "; in its column, -1 is read as without" : ""}`,
      };
    },
  };
}

/** Which images have a network's label. */
function presenceOf(set: ImageSet, known: ClassList, chosen: number): LabelPresence {
  const at = labelAt(set, known, chosen);
  const { severalLabels: several } = set;
  if (several && at >= 0) return several.read(at);
  return { present: set.labels.map((cls) => Number(!several && cls === at)), isSigned: false };
}

/**
 * Where a network's label stands among those of images, or among their classes; -1 where no image has it.
 * @throws {UnitscopeError} `data` if images have labels that the network lacks, or no column or several stand for it.
 */
export function labelAt(set: ImageSet, known: ClassList, chosen: number): number {
  const { severalLabels: several, classNames } = set;
  const data = `data "${set.name}"`;
  const name = classNamesOf(known)[chosen];
  const columns = several?.kind === "columns" ? classNames : (several?.beside ?? []);
  const own = columnsFor(columns, known, chosen);
  const shown = own.map((at) => `"${columns[at]}"`).join(" and ");
  if (several?.kind === "columns") {
    if (own.length === 1) return own[0];
    const got = own.length > 1 ? shown : `none; the nearest is "${nearestName(name, columns)}"`;
    throw new UnitscopeError("data", `${data}: expected one column of the label "${name}", got ${got}`, {
      details: own.length === 0 ? { untold: name } : {},
    });
  }
  if (own.length > 0) {
    throw new UnitscopeError(
      "data",
      `${data}: expected the label "${name}" in one place, got a column of labels and ${shown}; leave one of them out`,
    );
  }
  if (several?.kind === "matrix" && classNames.length !== known.classes.length) {
    throw new UnitscopeError(
      "data",
      `${data}: expected 0 or 1 for each of the ${known.classes.length} labels of ${known.place}, got ${classNames.length} of them`,
    );
  }
  return matchClasses(classNames, known, data).indexOf(chosen);
}
