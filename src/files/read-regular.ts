/** Whole files into memory, and nothing that has no end: a name in a list may lead to a device or a pipe. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { UnitscopeError } from "../errors.ts";

/**
 * Reads a regular file.
 * @throws {UnitscopeError} `file` for a device, a pipe or a socket; else what the system says.
 */
export async function readRegular(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe without a writer would wait for one
  try {
    const found = await file.stat();
    if (found.isFile() || found.isDirectory()) return await file.readFile(); // of a folder the system says so
    throw new UnitscopeError("file", `${path}: expected a regular file, got a device, pipe or socket`);
  } finally {
    await file.close();
  }
}
