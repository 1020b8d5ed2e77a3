/** Chunks as scripts, which a page that was opened from disk may load. */
import { gzipSync } from "node:zlib";

/** A chunk as the script that hands it over: `unitscopeChunk("<name>", "<base64 of its gzip>")`. */
export function chunkScript(name: string, bytes: Uint8Array): string {
  return `unitscopeChunk(${scriptJson(name)},"${gzipSync(bytes, { level: 9 }).toString("base64")}");\n`;
}

/** JSON that can stand in a script: no end tag, no line separators. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}
