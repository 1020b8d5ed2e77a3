/** Runs with every test file. Files share a process and its modules, so what a module must do after each of them is here. */
import { afterAll } from "vitest";
import { removeFolders } from "./data/temporary-folder.ts";
import { teachEqualNumbers } from "./equal-numbers.ts";

teachEqualNumbers();
afterAll(removeFolders);
