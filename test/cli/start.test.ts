/** What happens before a command does anything: quick, and clear where there is nothing to run. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { handFolder } from "./hand-network.ts";
import { bin, slowStart } from "./run-cli.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Modules that a module imports when it is loaded, by itself or by what it imports, itself too, and names of packages. */
function modulesLoadedBy(path: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  if (!path.endsWith(".ts")) return seen;
  const imports = readFileSync(path, "utf8").matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from\s+"([^"]+)";/gm);
  for (const [, target = ""] of imports) {
    if (!target.startsWith("node:"))
      modulesLoadedBy(target.startsWith(".") ? join(dirname(path), target) : target, seen);
  }
  return seen;
}

/** Of these the packages; types do not count. */
function packagesLoadedBy(path: string): string[] {
  return [...modulesLoadedBy(path)].filter((name) => !name.endsWith(".ts"));
}

test("help and usage errors load no runtime, no decoder and no table reader: commands import these when they run", () => {
  const folder = join(root, "src/cli/commands");
  const modules = [
    join(root, "src/cli/main.ts"),
    join(root, "src/cli/command-line.ts"),
    ...readdirSync(folder).map((name) => join(folder, name)),
  ];
  const packages = new Set(modules.flatMap((module) => [...packagesLoadedBy(module)]));
  expect([...packages].sort()).toEqual(["commander", "fast-string-width"]);
});

test("a mistyped model is answered before anything that reads models is loaded", () => {
  expect([...packagesLoadedBy(join(root, "src/runtime/open-model.ts"))]).toEqual([]);
});

test("a clone that was not built says so in one line", async () => {
  const folder = await temporaryFolder();
  for (const part of ["bin", "package.json"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  const { status, stdout, stderr } = spawnSync("node", ["bin/unitscope.js", "layers"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toBe("unitscope: expected a built clone, got no dist folder; run: npm ci && npm run build\n");
});

/** Packages that take long to load. */
const heavy: readonly string[] = [
  ...["onnxruntime-node", "onnxruntime-common", "sharp", "@img", "hyparquet-compressors", "bullmq", "ioredis", "open"],
];

/** Runs a command as a process; gives its exit code, what it said first, and the packages that it loaded, natively too. */
async function loadedBy(args: readonly string[]): Promise<{ code: number | null; said: string; packages: string[] }> {
  const coverage = join(await temporaryFolder(), "coverage");
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    env: { ...process.env, NODE_V8_COVERAGE: coverage }, // writes which scripts there were
    encoding: "utf8",
  });
  const urls = readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), "utf8")) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  expect(urls.some((url) => /\/dist\/(?:bundle\/)?cli\/main\.js$/.test(url))).toBe(true);
  const packages = urls.flatMap((url) => /\/node_modules\/([^/]+)\//.exec(url)?.[1] ?? []);
  return {
    code: status,
    said: `${stderr.replace(slowStart, "")}${stdout}`.split("\n")[0],
    packages: [...new Set(packages)].sort(),
  };
}

const folder = await handFolder();
const [model, images] = [join(folder, "network.onnx"), join(folder, "images")];
const out = ["--out", join(folder, "run"), "--quiet"];
const plain = ["--preprocess", "none"];

test.each<[string, readonly string[], number, RegExp]>([
  ["help", ["--help"], 0, /^Usage: unitscope/],
  ["a mistyped command", ["ablat"], 2, /Did you mean ablate/],
  ["a wrong value", ["ablate", model, images, "--method", "nothing"], 2, /Allowed choices/],
  ["a model that is not there", ["ablate", "nowhere.onnx", images, ...out], 2, /no such file/],
  ["a model of another type", ["ablate", bin, images, ...plain, ...out], 2, /expected an ONNX model/],
  ["images that are not there", ["ablate", model, "nowhere", ...plain, ...out], 2, /got none of these/],
  ["a study without its model", ["study", "nowhere.onnx", images, "--quiet"], 2, /no such file/],
  ["training on nothing", ["train", "alexnet", "nowhere", "--quiet"], 2, /got none of these/],
  ["a run that is not there", ["attributes", "nowhere", "--quiet"], 2, /expected a folder with run\.json/],
  ["a report of no run", ["report", "nowhere", "--quiet"], 2, /expected a folder with run\.json/],
  ["a comparison of no runs", ["compare", "nowhere", "elsewhere", "--quiet"], 2, /expected a folder with run\.json/],
  ["layers", ["layers", model, "--quiet"], 0, /./],
])("nothing heavy is loaded for %s", async (_, args, code, said) => {
  const loaded = await loadedBy(args);
  expect(loaded.said).toMatch(said);
  expect(loaded.code).toBe(code);
  expect(loaded.packages.filter((name) => heavy.includes(name))).toEqual([]);
  expect(existsSync(join(folder, "run"))).toBe(false);
});

test("a mistyped layer is answered before what sweeps is loaded", () => {
  const loaded = modulesLoadedBy(join(root, "src/commands/ablate-run.ts"));
  const sweeping = /\/src\/(?:figures|stats|analysis|responses)\/|\/(?:sweep-layers|sweep-pass|worker-pool)\.ts$/;
  expect([...loaded].filter((path) => sweeping.test(path))).toEqual([]);
  expect([...loaded].some((path) => path.endsWith("/choose-layers.ts"))).toBe(true);
});
