/** What identifies the files of a set without reading them: names and sizes. A missing file is found before the work. */
import { stat } from "node:fs/promises";
import { diskError } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { insideFolder } from "../files/inside-folder.ts";

/** A file of a set, and what a message should call the place that names it. */
export interface NamedFile {
  readonly file: string;
  readonly place: string;
}

/**
 * SHA-256 (hex) over the names and sizes of files.
 *
 * @throws {UnitscopeError} `file` for one that is missing, `data` for one that is outside of the folder; the message
 *   begins with its place.
 */
export async function fingerprintFiles(folder: string, files: readonly NamedFile[]): Promise<string> {
  const lines: string[] = [];
  const CONCURRENT = 64;
  for (let first = 0; first < files.length; first += CONCURRENT) {
    const sizes = await Promise.all(
      files.slice(first, first + CONCURRENT).map(async ({ file, place }) => {
        const path = insideFolder(folder, file, place);
        try {
          return `${file}\t${(await stat(path)).size}\n`;
        } catch (cause) {
          throw diskError(place, cause, { rule: `the file ${file}` });
        }
      }),
    );
    lines.push(...sizes);
  }
  return sha256(...lines);
}
