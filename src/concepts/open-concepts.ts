/** Opens any segmented image set that a user has in a folder. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "../files/disk-error.ts";
import { type ConceptSplit, isBroden, openBroden } from "./broden.ts";
import { isCoco, openCoco } from "./coco.ts";
import type { ConceptSet } from "./concept-set.ts";
import { openFolderSet } from "./folder-set.ts";
import { JSON_SET_FILE, openJsonSet } from "./json-set.ts";

/**
 * Opens a folder by what is in it: Broden's tables, our own `concepts.json`, COCO annotations, or images beside label
 * PNGs.
 *
 * @throws {UnitscopeError} `file` if there is no such folder; `data` if it is none of these or does not hold together.
 */
export async function openConcepts(
  folder: string,
  { split = "all" }: { split?: ConceptSplit } = {},
): Promise<ConceptSet> {
  try {
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error(folder), { code: "ENOTDIR" });
  } catch (cause) {
    throw diskError(folder, cause, { rule: "a folder with a segmented image set" });
  }
  if (await isBroden(folder)) return openBroden(folder, { split });
  const own = await stat(join(folder, JSON_SET_FILE)).catch(() => undefined);
  if (own?.isFile()) return openJsonSet(folder, { split });
  if (await isCoco(folder)) return openCoco(folder, { split });
  return openFolderSet(folder, { split });
}
