/** Output into a pipe whose reader stops early, as `unitscope layers MODEL | head` does. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

test.skipIf(process.platform === "win32")("a reader that stops early is no error", () => {
  const script = "node bin/unitscope.js layers models/alexnet-cifar10.onnx --quiet | head -n 1";
  const { stdout, stderr } = spawnSync("sh", ["-c", script], { cwd: root, encoding: "utf8" });
  expect(stdout).toMatch(/^alexnet-cifar10\.onnx: 3×32×32 input, 10 classes/);
  expect(stderr).toBe("");
});

test.skipIf(process.platform === "win32")(
  "messages that nobody reads end nothing: the exit code is the command's own",
  async () => {
    const child = spawn(process.execPath, ["bin/unitscope.js", "layers", "models/none.onnx"], {
      cwd: root,
      stdio: "pipe",
    });
    child.stderr.destroy();
    expect((await once(child, "close"))[0]).toBe(2);
  },
);
