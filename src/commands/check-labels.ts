/** What images say of labels of which each may have several, counted before a run would ask for them. */
import { listOf, openClassList } from "../data/classes/class-list.ts";
import type { ImageSet } from "../data/image-set.ts";
import { UnitscopeError } from "../errors.ts";
import { askedLabels } from "./asked-labels.ts";
import { labelAt } from "./one-label.ts";

/** What images say of one label. */
export interface LabelReport {
  readonly label: string;
  /** Images with the label, without it, and of which nothing is said. */
  readonly having: number;
  readonly without: number;
  readonly missing: number;
  /** Why a run would refuse the label; absent if it would not. */
  readonly problem?: string | undefined;
}

/**
 * Counts labels of images that were opened with `severalLabels`, or that have one each.
 *
 * @param label names with commas between them, or `all`: of `classes`, else of the images themselves.
 * @param options.classes a network's labels in the order of its outputs: a file or a built-in list.
 * @throws {UnitscopeError} `data` for a label that is not known, or images whose labels have no names or others.
 */
export async function checkLabels(
  set: ImageSet,
  label: string,
  { classes }: { classes?: string | undefined } = {},
): Promise<LabelReport[]> {
  const data = `data "${set.name}"`;
  const known = classes === undefined ? listOf(set.classNames, data) : await openClassList(classes);
  const { labels } = askedLabels(label, { place: known.place, classCount: known.classes.length, named: known });
  return labels.map(({ number, name }) =>
    reportOf(set, name, classes === undefined ? () => number : () => labelAt(set, known, number)),
  );
}

function reportOf(set: ImageSet, label: string, find: () => number): LabelReport {
  const { severalLabels: several, labels, imageCount } = set;
  let having = 0;
  let missing = 0;
  let problem: string | undefined;
  try {
    const at = find();
    if (several && at >= 0) {
      const signs = several.signs(at);
      having = signs.filter((sign) => sign === 1).length;
      missing = signs.filter((sign) => sign === undefined).length;
      several.read(at);
    } else if (!several) having = labels.filter((cls) => cls === at).length;
  } catch (error) {
    if (!(error instanceof UnitscopeError) || error.code === "internal") throw error;
    if (error.code !== "data") throw error;
    if (having + missing === 0) return { label, having: 0, without: 0, missing: imageCount, problem: error.message };
    problem = error.message;
  }
  const without = imageCount - having - missing;
  if (problem === undefined && (having === 0 || without === 0)) {
    problem = `expected images with the label "${label}" and without, got ${having} with and ${without} without`;
  }
  return { label, having, without, missing, ...(problem !== undefined && { problem }) };
}
