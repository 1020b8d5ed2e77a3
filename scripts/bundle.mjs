/**
 * What is bundled in `dist/`, so that nobody opens hundreds of small files before anything begins: libraries of which
 * little is used, one module each (it says beside its source in `src/` what it holds), the command line with what it
 * loads later, and the work of threads. The modules themselves stay beside, for callers of the library and for tests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "rolldown";

const protobuf =
  "Holds @bufbuild/protobuf, copyright Buf Technologies, Inc., and parts of Google's protobuf: Apache-2.0 AND BSD-3-Clause, see its package.";

/** @type {(file: string, notice: string) => import("rolldown").RolldownOptions} */
const whole = (file, notice) => ({
  input: file,
  platform: "node",
  output: { file, banner: `/*!\n${notice}\n*/` },
});

/** What the licences of packages ask to be kept with their code. */
const noticesOf = (...packages) =>
  packages
    .map((name) => {
      const file = readdirSync(`node_modules/${name}`).find((each) => /^licen[cs]e/i.test(each));
      const text = file && readFileSync(`node_modules/${name}/${file}`, "utf8").trim();
      return `Holds ${name}.\n\n${text ?? protobuf}`;
    })
    .join("\n\n");

const dist = resolve("dist");

/** What a thread starts with, or loads by the URL of its module. */
const threads = new Map(
  readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js") && !/^(?:web|bundle)[\\/]/.test(name))
    .map((name) => join(dist, name))
    .filter((path) => /-worker\.js$|worker-thread\.js$/.test(path) || isWork(path))
    .map((path) => [path, nameOf(path)]),
);

function isWork(path) {
  return readFileSync(path, "utf8").includes("module: import.meta.url");
}

function nameOf(path) {
  return relative(dist, path)
    .replaceAll(/[\\/]/g, "-")
    .replace(/\.js$/, "");
}

/** Modules mean files by the place of their own: work and threads mean those of the bundle, all else stays where it is. */
const places = {
  name: "places",
  transform(code, path) {
    if (!path.startsWith(dist) || !code.includes("import.meta.url")) return undefined;
    const beside = (target) => `new URL("${target.replaceAll("\\", "/")}", import.meta.url)`;
    const work = (target) => beside(`../threads/${threads.get(target)}.js`);
    const own = threads.has(path) ? work(path) : beside(relative(join(dist, "bundle/any"), path));
    return code.replaceAll(/new URL\("([^"]+)\.ts", import\.meta\.url\)|import\.meta\.url/g, (text, started) => {
      if (started === undefined) return `${own}.href`;
      const thread = join(dirname(path), `${started}.js`);
      if (!threads.has(thread)) throw new Error(`${path}: expected a thread's module, got ${text}`);
      return work(thread);
    });
  },
};

/** Puts what the licences of packages ask for beside the code that holds them. */
const licences = {
  name: "licences",
  generateBundle(_, files) {
    const held = new Set();
    for (const { moduleIds = [] } of Object.values(files)) {
      for (const path of moduleIds) {
        const name = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path)?.[1];
        if (name) held.add(name.replaceAll("\\", "/"));
      }
    }
    this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: noticesOf(...[...held].sort((a, b) => (a < b ? -1 : 1))) });
  },
};

/** Packages that stay packages: native ones, and those that few commands load. */
const packages = /^(?:onnxruntime-node|sharp|bullmq|ioredis|open|hyparquet-compressors)(?:\/|$)/;

/** @type {(folder: string, input: Record<string, string>) => import("rolldown").RolldownOptions} */
const bundle = (folder, input) => ({
  input,
  platform: "node",
  external: packages,
  plugins: [places, licences],
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir: join(dist, "bundle", folder),
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    cleanDir: true,
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});

for (const options of [
  whole("dist/onnx/proto/wire.js", protobuf),
  whole("dist/files/zod.js", noticesOf("zod")),
  whole("dist/files/parquet.js", noticesOf("hyparquet", "hyparquet-writer")),
  bundle("cli", { main: join(dist, "cli/main.js"), interrupt: join(dist, "cli/interrupt.js") }),
  bundle("threads", Object.fromEntries([...threads].map(([path, name]) => [name, path]))),
]) {
  await build(options);
}
