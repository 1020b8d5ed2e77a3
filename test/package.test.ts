/** The package as users get it: packed, installed from the tarball in an empty folder (network: npm), run and imported. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { handFolder } from "./cli/hand-network.ts";
import { unitscope } from "./cli/run-cli.ts";
import { temporaryFolder } from "./data/temporary-folder.ts";

const project = fileURLToPath(new URL("..", import.meta.url));

test("the lock file names the optional packages of every platform, so that npm ci accepts it wherever it was written", () => {
  interface Locked {
    readonly version?: string;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`];
      return !places.some((place) => packages[place]?.version);
    }),
  );
  expect(missing).toEqual([]);
});

test("npm ci runs no install script of a dependency", () => {
  interface Locked {
    readonly hasInstallScript?: boolean;
  }
  const read = (name: string): unknown => JSON.parse(readFileSync(join(project, name), "utf8"));
  const { packages } = read("package-lock.json") as { packages: Record<string, Locked> };
  const { allowScripts } = read("package.json") as { allowScripts: Record<string, false | undefined> };
  const withScripts = Object.keys(packages).filter((path) => packages[path]?.hasInstallScript);
  // npm would compile this one instead, since it has a binding.gyp.
  expect(withScripts).toEqual(["node_modules/msgpackr-extract"]);
  const installed = Object.keys(packages).filter((path) => {
    const file = join(project, path, "package.json");
    if (!path.startsWith("node_modules/") || !existsSync(file)) return false;
    const { scripts = {} } = JSON.parse(readFileSync(file, "utf8")) as { scripts?: Record<string, string> };
    return "preinstall" in scripts || "install" in scripts || "postinstall" in scripts;
  });
  expect(installed).toContain("node_modules/onnxruntime-node");
  const allowed = installed.filter((path) => allowScripts[path.replace(/^.*node_modules\//, "")] !== false);
  expect(allowed).toEqual([]);
});

test("npm pack in a clone that was not built builds first", async () => {
  const clone = await temporaryFolder();
  const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  expect(manifest.scripts["prepack"]).toBe("npm run -s build");
  const build = "node -e \"fs.mkdirSync('dist'); fs.writeFileSync('dist/built.js', '')\"";
  await writeFile(
    join(clone, "package.json"),
    JSON.stringify({ ...manifest, scripts: { ...manifest.scripts, build } }),
  );
  if (existsSync(join(project, ".npmrc"))) await copyFile(join(project, ".npmrc"), join(clone, ".npmrc"));
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: clone,
    encoding: "utf8",
    stdio: "pipe",
    shell: process.platform === "win32",
  });
  expect(packed).toContain("dist/built.js");
});

describe.skipIf(process.platform === "win32")("the packed package, installed without scripts (network: npm)", () => {
  let files: string[];
  let folder: string;
  beforeAll(async () => {
    const tarballs = await temporaryFolder();
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", tarballs];
    const [packed] = JSON.parse(execFileSync("npm", pack, { cwd: project, encoding: "utf8", stdio: "pipe" })) as [
      { filename: string; files: { path: string }[] },
    ];
    files = packed.files.map(({ path }) => path);
    folder = await temporaryFolder();
    await writeFile(join(folder, "package.json"), "{}");
    const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    execFileSync("npm", [...install, join(tarballs, packed.filename)], { cwd: folder, stdio: "pipe" });
  }, 300_000);

  test("holds what it needs at run time, and no sources or tests", () => {
    expect(files).toContain("dist/index.d.ts");
    expect(files).toContain("models/alexnet-cifar10.onnx");
    expect(files).toContain("README.md");
    expect(files).toContain("SECURITY.md");
    expect(
      files.filter(
        (path) => !/^(bin|dist|models|docs|classes)\/|^(LICENSE|README\.md|SECURITY\.md|package\.json)$/.test(path),
      ),
    ).toEqual([]);
    const workers = readdirSync(join(project, "src"), { recursive: true, encoding: "utf8" })
      .filter((path) => /-worker\.ts$|worker-thread\.ts$/.test(path))
      .map((path) => `dist/${path.replace(/\.ts$/, ".js")}`);
    expect(workers.length).toBeGreaterThanOrEqual(4);
    expect(files).toEqual(expect.arrayContaining(workers));
  });

  /** The command as npx finds it; npx itself, which takes as long as all of the rest, is asked once. */
  const installed = (args: readonly string[], command = [join("node_modules", ".bin", "unitscope")]) =>
    unitscope(args, { cwd: folder, command });

  test("npx unitscope lists the layers of the shipped network", async () => {
    const network = "node_modules/unitscope/models/alexnet-cifar10.onnx";
    const { code, stdout } = await installed(["layers", network, "--json"], ["npx", "--no-install", "unitscope"]);
    expect(code).toBe(0);
    const names = (JSON.parse(stdout) as { layers: { name: string }[] }).layers.map(({ name }) => name);
    expect(names).toEqual(["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]);
  });

  test("it ablates in worker threads", async () => {
    const hand = await handFolder();
    const args = ["ablate", join(hand, "network.onnx"), join(hand, "images"), "--preprocess", "none", "--json"];
    const { code, stdout } = await installed([...args, "--verify", "1", "--out", join(hand, "run")]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ accuracy: 6 / 9, verified: 36 });
  });

  test("import gives the same version as the command", async () => {
    const script =
      'import { version, ablate, openModel } from "unitscope"; console.log(version, typeof ablate, typeof openModel)';
    const imported = execFileSync("node", ["--input-type=module", "-e", script], { cwd: folder, encoding: "utf8" });
    const { stdout } = await installed(["--version"]);
    expect(imported).toBe(`${stdout.trim()} function function\n`);
  });
});
