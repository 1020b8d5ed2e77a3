/** Runs with every test file. Files share a process and its modules, so what a module must do after each of them is here. */
import { constants, setPriority } from "node:os";
import { afterAll, expect } from "vitest";
import { removeFolders } from "./data/temporary-folder.ts";
import { teachEqualNumbers } from "./equal-numbers.ts";

// A browser is many processes that wait for each other: beside files that compute it takes four times as long, and the
// rest waits for it in the end. Only the administrator can go back to the usual priority; others begin with such a file.
const { PRIORITY_NORMAL, PRIORITY_LOW } = constants.priority;
try {
  setPriority(expect.getState().testPath?.includes("explorer") ? PRIORITY_NORMAL : PRIORITY_LOW);
} catch {
  // it stays low
}

teachEqualNumbers();
afterAll(removeFolders);
