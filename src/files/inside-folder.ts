/** Paths that files name: they lead to files of the same folder, and nowhere else. */
import { isAbsolute, join, relative, sep } from "node:path";
import { UnitscopeError } from "../errors.ts";

/**
 * The path of a file that another file names. Links on the disk are followed: whoever made them could have put the file
 * there.
 *
 * @param place what names it, for the message.
 * @throws {UnitscopeError} `data` for an absolute path, one that leads out of the folder, and one that is no path.
 */
export function insideFolder(folder: string, file: string, place: string): string {
  const path = join(folder, file);
  const from = relative(folder, path);
  const leaves = from === "" || from === ".." || from.startsWith(`..${sep}`) || isAbsolute(from);
  if (!leaves && !isAbsolute(file) && !/^[a-z]:|[\\\0]/i.test(file)) return path;
  throw new UnitscopeError("data", `${place}: expected a file inside ${folder}, got ${JSON.stringify(file)}`);
}
