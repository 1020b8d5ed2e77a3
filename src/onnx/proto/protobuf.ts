/**
 * Protocol Buffers as far as ONNX files need them, in one module: the build puts the library's 66 files into it, since every
 * command and every worker would otherwise open them one by one before it begins.
 */
export { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
export * from "./onnx_pb.ts";
