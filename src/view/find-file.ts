/** From the path of a URL to a file inside a folder, and to nothing outside it, by whatever spelling or link. */
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

/** A file that may be sent. */
export interface FoundFile {
  /** Its real path: no part of it is a link. */
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * The regular file that a request's target names; a folder's is its `index.html`.
 *
 * The target is decoded once. Segments that start with a dot, backslashes and control characters are not looked up, and
 * what a link leads to is only found if it lies in the folder.
 *
 * @param folder a real path.
 * @param target the request's target: a path, perhaps with a query.
 * @returns `undefined` if there is no such file, or none that may be seen.
 */
export async function findFile(folder: string, target: string): Promise<FoundFile | undefined> {
  const [path = ""] = target.split(/[?#]/);
  const segments = decodedSegments(path);
  if (!segments) return undefined;
  if (segments.at(-1) === "") segments[segments.length - 1] = "index.html";
  if (segments.some((segment) => !isPlain(segment))) return undefined;
  try {
    const real = await realpath(join(folder, ...segments));
    if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return undefined;
    const found = await stat(real);
    return found.isFile() ? { path: real, sizeBytes: found.size } : undefined;
  } catch {
    return undefined;
  }
}

/** The parts of a path after its first slash; `undefined` if it has none, or its percent signs make no text. */
function decodedSegments(path: string): string[] | undefined {
  if (!path.startsWith("/")) return undefined;
  try {
    return path.slice(1).split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Neither empty nor hidden nor a way up, and nothing that some system reads as a separator, a drive or a stream. */
function isPlain(segment: string): boolean {
  return segment !== "" && !segment.startsWith(".") && !/[/\\:\p{Cc}]/u.test(segment);
}
