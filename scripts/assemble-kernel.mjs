#!/usr/bin/env node
/** Assembles src/numeric/difference-kernel.wat into the module that the package carries. Usage: npm run kernel */
import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const from = new URL("../src/numeric/difference-kernel.wat", import.meta.url);
const to = new URL("../src/numeric/difference-kernel-bytes.ts", import.meta.url);
const { parseWat } = await wabt();
const { buffer } = parseWat("difference-kernel.wat", readFileSync(from, "utf8"), { simd: true, bulk_memory: true }).toBinary({});
const lines = Buffer.from(buffer).toString("base64").match(/.{1,100}/g) ?? [];
writeFileSync(
  to,
  `// Written by scripts/assemble-kernel.mjs from difference-kernel.wat; not by hand.\n/** The kernel's WebAssembly module, in base64. */\nexport const differenceKernelBytes: string =\n${lines.map((line) => `  "${line}"`).join(" +\n")};\n`,
);
