/** `unitscope train` on a folder of pictures; what is interrupted is a process (compiled code: run `npm run build` first). */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findLayers } from "../../src/onnx/layers.ts";
import { readModel } from "../../src/onnx/model-file.ts";
import { unitscope } from "../cli/run-cli.ts";
import { unitscopeHere } from "../cli/run-here.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "unitscope-train-"));
  for (const name of ["dark", "light"]) {
    await mkdir(join(folder, "images", name), { recursive: true });
    for (let image = 0; image < 8; image++) {
      const level = (name === "dark" ? 30 : 200) + 3 * image;
      const background = { r: level, g: level, b: level };
      await sharp({ create: { width: 40, height: 36, channels: 3, background } })
        .png()
        .toFile(join(folder, "images", name, `${image}.png`));
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = ["--widths", "16,16,16,16,16", "--fc", "16,16", "--batch", "8", "--threads", "1"];
const run = (...words: string[]) => unitscopeHere(["train", ...words], { cwd: folder });

test("writes a model with everything that others need, and its log", async () => {
  const given = [
    ...small,
    "--test",
    "images",
    "--epochs",
    "2",
    "--lr",
    "0.01",
    "--channel-dropout",
    "conv5=0.25",
    "--no-flip",
  ];
  const { code, stdout, stderr } = await run("alexnet", "images", ...given, "--out", "out/small.onnx", "--seed", "4");
  expect(stderr).toMatch(
    /^epoch 1 of 2 {2}loss \d\.\d{4} {2}train [\d.]+ % {2}test [\d.]+ % {2}\d+ images\/s {2}.* left$/m,
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^out\/small\.onnx: [\d.]+ % of the test images right, [\d,]+ parameters\nlog: out\/small\.log\.json\n$/,
  );

  const model = readModel(await readFile(join(folder, "out/small.onnx")));
  const { metadata } = model;
  expect(JSON.parse(metadata.get("unitscope.classes") ?? "")).toEqual(["dark", "light"]);
  expect(JSON.parse(metadata.get("unitscope.preprocessing") ?? "")).toMatchObject({ resize: 32, crop: 32 });
  expect(metadata.get("unitscope.seed")).toBe("4");
  expect(metadata.get("unitscope.command")).toBe(
    "unitscope train alexnet images --test images --channel-dropout conv5=0.25 --widths 16,16,16,16,16 --fc 16,16 --seed 4 --epochs 2 --batch 8 --lr 0.01 --no-flip --threads 1 --out out/small.onnx",
  );
  expect(JSON.parse(metadata.get("unitscope.data") ?? "")).toMatchObject({ train: "images", test: "images" });
  const layers = JSON.parse(metadata.get("unitscope.layers") ?? "") as Record<string, string>;
  expect(layers).toEqual(Object.fromEntries(findLayers(model).map(({ name, tap }) => [name, tap])));

  const log = JSON.parse(await readFile(join(folder, "out/small.log.json"), "utf8"));
  expect(log.accuracy).toBe(Number(metadata.get("unitscope.accuracy")));
  expect(log.epochs.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2]);
  expect(existsSync(join(folder, "out/small.onnx.checkpoint"))).toBe(false);
});

test("a control that has learned nothing: no epochs at all, or a head on first weights", async () => {
  const nothing = await run(
    "alexnet",
    "images",
    ...small,
    "--test",
    "images",
    "--epochs",
    "0",
    "--out",
    "nothing.onnx",
    "--quiet",
  );
  expect([nothing.code, nothing.stderr]).toEqual([0, ""]);
  expect(nothing.stdout).toMatch(/^nothing\.onnx: [\d.]+ % of the test images right, /);
  const control = [...small, "--epochs", "1", "--train-only", "fc6,fc7,fc8", "--lr", "0.01", "--out", "control.onnx"];
  expect((await run("alexnet", "images", ...control)).code).toBe(0);
  const [first, head] = await Promise.all(
    ["nothing.onnx", "control.onnx"].map(async (name) => readModel(await readFile(join(folder, name)))),
  );
  expect(head?.constants.get("conv5.weight")).toEqual(first?.constants.get("conv5.weight"));
  expect(head?.constants.get("fc8.weight")).not.toEqual(first?.constants.get("fc8.weight"));
  expect(head?.metadata.get("unitscope.command")).toContain("--train-only fc6,fc7,fc8");
  const other = await run("alexnet", "images", ...small, "--train-only", "conv9");
  expect([other.code, other.stderr]).toEqual([
    2,
    expect.stringContaining("train only: expected layers with weights (conv1, "),
  ]);
});

test("an interrupted training resumes with the option alone", async () => {
  const words = ["alexnet", "images", ...small, "--epochs", "40", "--lr", "0.001", "--out", "stopped.onnx"];
  const stopped = await unitscope(["train", ...words], {
    cwd: folder,
    started: (child) => {
      let sent = false; // a second one would end the process at once
      child.stderr?.on("data", (chunk: Buffer) => {
        if (sent || !chunk.toString().includes("epoch 2 of 40")) return;
        sent = true;
        child.kill("SIGINT");
      });
    },
  });
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toMatch(/the checkpoint of epoch \d+ is kept, continue with --resume/);
  expect(existsSync(join(folder, "stopped.onnx"))).toBe(false);
  const again = await run(...words);
  expect([again.code, again.stderr]).toEqual([
    2,
    "stopped.onnx.checkpoint: expected no unfinished training, got one; add --resume or remove it\n",
  ]);
  const resumed = await run(...words, "--resume", "--quiet", "--json");
  expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ model: "stopped.onnx", accuracy: null });
  expect(JSON.parse(resumed.stdout).epochs.length).toBe(40);
});

test.each([
  [["vgg", "images"], 'architecture: expected alexnet or resnet18, got "vgg"'],
  [["alexnet", "images", "--resume"], "alexnet-seed1.onnx.checkpoint: expected a checkpoint to resume from, got none"],
  [
    ["alexnet", "images", "--dropout", "1.5", "--threads", "1"],
    "dropout (dropout): expected a probability in [0, 1), got 1.5",
  ],
  [["alexnet", "images", "--test", "elsewhere"], /data "elsewhere": expected/],
  [["resnet18", "images", "--batch-norm", "--fc", "3,4"], "resnet18: expected no option fullyConnected, got 3,4"],
] as const)("%j is refused in one line", async (words, message) => {
  const { code, stdout, stderr } = await run(...words);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n").length).toBe(1);
  if (typeof message === "string") expect(stderr).toContain(message);
  else expect(stderr).toMatch(message);
});

test("a file that cannot be written leaves nothing that looks finished", async () => {
  await mkdir(join(folder, "taken.onnx"), { recursive: true });
  await writeFile(join(folder, "taken.onnx", "x"), "");
  const { code, stderr } = await run("alexnet", "images", ...small, "--epochs", "1", "--out", "taken.onnx", "--quiet");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^taken\.onnx: expected a file that can be written, got a folder; choose another folder/);
  expect(existsSync(join(folder, "taken.onnx.part"))).toBe(false);
});
