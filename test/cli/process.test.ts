/** A process of its own says what the command line says in a test's process, and ends with its exit code. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { handFolder } from "./hand-network.ts";
import { unitscope } from "./run-cli.ts";
import { unitscopeHere } from "./run-here.ts";

test.each([
  ["done", 0, ["layers", "network.onnx", "--quiet"]],
  ["help", 0, ["layers", "--help"]],
  ["a check that failed", 1, ["data", "check", "images", "--quiet"]],
  ["usage", 2, ["layers"]],
  ["input", 2, ["layers", "missing.onnx", "--quiet"]],
  ["nothing asked for", 2, []],
] as const)("%s: exit code %i", async (_, code, words) => {
  const folder = await handFolder();
  await writeFile(join(folder, "images", "green", "9.png"), "not a picture");
  const args = words.map((word) => (/^images$|\.onnx$/.test(word) ? join(folder, word) : word));
  const own = await unitscope(args);
  expect(own.code).toBe(code);
  expect(own).toEqual(await unitscopeHere(args));
});
