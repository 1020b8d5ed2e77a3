/**
 * Builds the explorer into `dist/web/`: `app/` (one classic script and a style sheet, since a page that was opened from
 * disk may not load modules) and `runtime/` (ONNX Runtime's WebAssembly as a chunk, and its module for threads).
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { encodeChunk } from "../src/report/chunk.ts";
import { chunkScript } from "../src/report/chunk-script.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "dist/web");
const ort = join(root, "node_modules/onnxruntime-web");

/** The page chooses its own runtime, so Node's stays out of it. */
function withoutNode(): Plugin {
  return {
    name: "without-node",
    enforce: "pre",
    load: (id) => (id === join(root, "src/runtime/node-runtime.ts") ? "export const nodeRuntime = undefined;" : null),
  };
}

/** ONNX Runtime would have its WebAssembly put into the script; the page hands the bytes over itself. */
function withoutWasm(): Plugin {
  return {
    name: "without-wasm",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("onnxruntime-web")) return null;
      return code
        .replaceAll(/new URL\("ort[^"]*",\s*import\.meta\.url\)\.href/g, '""')
        .replaceAll("import.meta.url", "document.baseURI");
    },
  };
}

/** Writes `runtime/`; compressing takes seconds, so the result is kept for the version. */
function runtimeFiles(): Plugin {
  return {
    name: "runtime-files",
    closeBundle() {
      const { version } = JSON.parse(readFileSync(join(ort, "package.json"), "utf8")) as { version: string };
      const cached = join(root, `node_modules/.cache/unitscope/ort-wasm-${version}.js`);
      if (!existsSync(cached)) {
        const wasm = new Uint8Array(readFileSync(join(ort, "dist/ort-wasm-simd-threaded.wasm")));
        mkdirSync(dirname(cached), { recursive: true });
        writeFileSync(cached, chunkScript("ort-wasm", encodeChunk({ header: { version }, arrays: { wasm } })));
      }
      mkdirSync(join(out, "runtime"), { recursive: true });
      copyFileSync(cached, join(out, "runtime/ort-wasm.js"));
      copyFileSync(join(ort, "dist/ort-wasm-simd-threaded.mjs"), join(out, "runtime/ort-wasm-simd-threaded.mjs"));
      writeFileSync(
        join(out, "runtime/NOTICE.txt"),
        `ONNX Runtime Web ${version}, Copyright (c) Microsoft Corporation, MIT License: https://github.com/microsoft/onnxruntime\n`,
      );
    },
  };
}

export default defineConfig({
  root: join(root, "web"),
  plugins: [
    withoutNode(),
    withoutWasm(),
    svelte({ configFile: false, compilerOptions: { css: "external" } }),
    runtimeFiles(),
  ],
  build: {
    outDir: join(out, "app"),
    emptyOutDir: true,
    target: "es2022",
    minify: true,
    rolldownOptions: { checks: { bundlerTimings: false } },
    lib: {
      entry: join(root, "web/main.ts"),
      formats: ["iife"],
      name: "unitscopeExplorer",
      fileName: () => "app.js",
      cssFileName: "app",
    },
  },
});
