/** Programs of the system that tests may use, and what must not be left out. */
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

/** Where a program is; the daemons' folder is often not in the path. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Whether tests of a program have to run here: `UNITSCOPE_NEEDS` names it. */
export function isNeeded(name: string): boolean {
  return process.env["UNITSCOPE_NEEDS"]?.split(",").includes(name) === true;
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Waits for something, half a minute at most. */
export async function until(isSo: () => boolean | Promise<boolean>, seconds = 30, everyMs = 200): Promise<void> {
  for (const end = Date.now() + 1000 * seconds; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`expected it within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
