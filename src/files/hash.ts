/** Digests of bytes and of files. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { setImmediate } from "node:timers/promises";

/** SHA-256 of bytes or UTF-8 texts, one after another, in hex. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Bytes that are hashed before others have their turn: some 20 ms. */
const TURN = 1 << 25;

/** The same of many bytes, so that a thread's progress and Ctrl-C have their turn meanwhile. */
export async function sha256InTurns(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let from = 0; from < bytes.length; from += TURN) {
    hash.update(bytes.subarray(from, from + TURN));
    await setImmediate();
  }
  return hash.digest("hex");
}

/** Digest of a file's content, read as a stream. */
export async function digestFile(
  path: string,
  algorithm: "md5" | "sha256" | "sha512",
  encoding: "hex" | "base64" = "hex",
): Promise<string> {
  const hash = createHash(algorithm);
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20 });
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest(encoding);
}
