/** Folders that are gone when the work in them is done, and what killed processes left of them. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDraft } from "./atomic-file.ts";
import { diskError } from "./disk-error.ts";

/** Runs `work` with a new empty folder inside `parent`, and removes the folder whatever happens. */
export async function withTemporaryFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(parent, `.part-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw diskError(parent, cause, { rule: "a folder that can be written" });
  }
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes drafts that a killed process left in a folder more than a day ago. */
export async function sweepDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(".part-") && !isDraft(name)) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > 86_400_000)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}
