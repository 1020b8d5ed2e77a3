/**
 * A network with a probability of its own for each of several labels, studied for one of them. The label's absence and
 * presence are the two classes, predicted at probability 0.5, so that accuracy and drops are the label's: all in all, of
 * the images that have it, and of those that do not.
 */
import type { ClassList } from "../data/classes/class-list.ts";
import { classNamesOf, listOf } from "../data/classes/class-list.ts";
import { knownClasses } from "../data/classes/fit-classes.ts";
import { matchClasses } from "../data/classes/map-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { bytesOf, limitPerClass } from "../data/select-images.ts";
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import type { Model } from "../runtime/open-model.ts";

/** Which label, and what it is found with. */
export interface LabelOptions {
  readonly modelPath: string;
  /** The network's labels in the order of its outputs, if its metadata do not tell. */
  readonly classes: string | undefined;
  /** A name, or a number from 0. */
  readonly label: string;
  /** The first so many images with the label, and without it. */
  readonly limit: number | undefined;
  /** Opens the network for one label. */
  readonly open: (label: number) => Promise<Model>;
}

/**
 * The network and the images for one label.
 *
 * @param set opened with `severalLabels`, or with one label an image.
 * @throws {UnitscopeError} `usage` if the network has no such label, `data` if it lacks one that an image has, or nothing
 *   tells which is which.
 */
export async function underLabel(
  set: ImageSet,
  { classCount, metadata }: Model,
  { modelPath, classes, label, limit, open }: LabelOptions,
): Promise<{ model: Model; images: ImageSet }> {
  const place = `model "${modelPath}"`;
  const known = (await knownClasses({ place, classCount, metadata }, classes)) ?? numbered(set, classCount, place);
  const [chosen] = matchClasses([label], known, 'option "label"');
  const own = matchClasses(set.classNames, known, `data "${set.name}"`);
  const { labelSets, ...rest } = set;
  const labels = set.labels.map((one, image) =>
    Number((labelSets?.[image] ?? Int32Array.of(one)).some((cls) => own[cls] === chosen)),
  );
  const name = classNamesOf(known)[chosen];
  const images: ImageSet = {
    ...rest,
    labels,
    classNames: [`no ${name}`, name],
    hash: sha256(set.hash, bytesOf(labels), `label ${chosen} of ${classCount}`),
  };
  return { model: await open(chosen), images: limit === undefined ? images : limitPerClass(images, limit) };
}

/** Labels that are numbers need no names. */
function numbered(set: ImageSet, classCount: number, place: string): ClassList {
  if (set.classNames.every((name) => /^\d+$/.test(name))) {
    return listOf(
      Array.from({ length: classCount }, (_, cls) => `${cls}`),
      place,
    );
  }
  throw new UnitscopeError(
    "data",
    `${place}: expected names of its ${classCount} labels to match those of data "${set.name}" by, got none; give option "classes" FILE, one name a line in the order of its outputs`,
  );
}
