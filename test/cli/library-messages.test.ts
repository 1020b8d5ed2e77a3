/** The library's messages name options (`option "rankSplit"`), never flags: a caller has no command line. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { unitscopeHere } from "./run-here.ts";

const src = fileURLToPath(new URL("../../src/", import.meta.url));

test("no error of the library speaks of a flag", () => {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.startsWith("cli/"));
  expect(files.length).toBeGreaterThan(300);
  const found = files.flatMap((path) => {
    const text = readFileSync(join(src, path), "utf8");
    // The texts of an error, from its code to the end of its message; whole commands (`unitscope … --out RUN`) are advice.
    const errors = text.matchAll(/new UnitscopeError\(\s*"\w+",\s*(`[^`]*`|"[^"]*"|'[^']*')/g);
    return Array.from(errors, ([, message = ""]) => message.replace(/unitscope [a-z]+ .*$/, ""))
      .filter((message) => /(^|[ `"'(])--[a-z]/.test(message))
      .map((message) => `${path}: ${message}`);
  });
  expect(found).toEqual([]);
});

test("the command line says the flag instead", async () => {
  const { code, stderr } = await unitscopeHere(["data", "check", "cifar10:test", "--preprocess"]);
  expect(code).toBe(2);
  expect(stderr).not.toContain('option "');
});
