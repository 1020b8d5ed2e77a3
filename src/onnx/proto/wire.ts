/**
 * The binary encoding of Protocol Buffers, in one module: the build puts here what is used of the library, since every
 * command and every worker would otherwise open its files one by one before it begins.
 */
export { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
