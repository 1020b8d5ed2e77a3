/** Output into a pipe whose reader stops early, as `unitscope layers MODEL | head` does. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test.skipIf(process.platform === "win32")("a reader that stops early is no error", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const script = "node bin/unitscope.js layers models/alexnet-cifar10.onnx --quiet | head -n 1";
  const { stdout, stderr } = spawnSync("sh", ["-c", script], { cwd: root, encoding: "utf8" });
  expect(stdout).toMatch(/^alexnet-cifar10\.onnx: 3×32×32 input, 10 classes/);
  expect(stderr).toBe("");
});
