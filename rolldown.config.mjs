/**
 * Modules of `dist/` that take the place of a library's many, which every command and every worker would otherwise open
 * one by one before it begins. Each says beside its source in `src/` what it holds.
 */
import { readFileSync } from "node:fs";

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
    .map((name) => `Holds ${name}.\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}`)
    .join("\n\n");

export default [
  whole("dist/onnx/proto/wire.js", protobuf),
  whole("dist/files/zod.js", noticesOf("zod")),
  whole("dist/files/parquet.js", noticesOf("hyparquet", "hyparquet-writer")),
];
