/** Protocol Buffers as one module of `dist/`, in place of the 66 that the library has; see `src/onnx/proto/protobuf.ts`. */
const file = "dist/onnx/proto/protobuf.js";

/** @type {import("rolldown").RolldownOptions} */
export default {
  input: file,
  platform: "node",
  output: {
    file,
    banner:
      "/*! Holds @bufbuild/protobuf, copyright Buf Technologies, Inc., and parts of Google's protobuf: Apache-2.0 AND BSD-3-Clause, see its package. */",
  },
};
