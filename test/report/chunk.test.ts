import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compactCounts, decodeChunk, encodeChunk } from "../../src/report/chunk.ts";
import { chunkScript } from "../../src/report/chunk-script.ts";

test("a chunk is read as it was written, whatever its header and arrays", () => {
  const arrays = fc.record({
    bytes: fc.uint8Array(),
    counts: fc.uint16Array(),
    indices: fc.int32Array(),
    values: fc.float32Array(),
    exact: fc.float64Array(),
  });
  fc.assert(
    fc.property(arrays, fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), (given, json) => {
      const header = JSON.parse(JSON.stringify(json)) as Record<string, unknown>;
      const read = decodeChunk(encodeChunk({ header, arrays: given }));
      expect(read.arrays).toEqual(given);
      expect(JSON.stringify(read.header)).toBe(JSON.stringify(header));
    }),
  );
});

test("counts take the smallest type that holds them", () => {
  expect(compactCounts([0, 255])).toEqual(Uint8Array.of(0, 255));
  expect(compactCounts([0, 256])).toEqual(Uint16Array.of(0, 256));
  expect(compactCounts([0, 65_536])).toEqual(Int32Array.of(0, 65_536));
});

test("a chunk's script calls one function with its name and the base64 of its gzip", () => {
  const bytes = encodeChunk({ header: { a: 1 }, arrays: {} });
  const calls: [string, string][] = [];
  const script = chunkScript('x</script>"', bytes);
  expect(script).not.toContain("</script>");
  new Function("unitscopeChunk", script)((...call: [string, string]) => calls.push(call));
  const [[name, content]] = calls as [[string, string]];
  expect(name).toBe('x</script>"');
  expect(new Uint8Array(gunzipSync(Buffer.from(content, "base64")))).toEqual(bytes);
});
