/** Sound files, as the house itself writes them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Files } from "./mutate.ts";

/** The files that something writes into a folder. */
export async function filesOf(write: (folder: string) => unknown, end: () => void = () => {}): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), "unitscope-fuzz-build-"));
  try {
    await write(folder);
    const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return Object.fromEntries(
      names.map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), new Uint8Array(readFileSync(path))];
      }),
    );
  } finally {
    end();
    rmSync(folder, { recursive: true, force: true });
  }
}
