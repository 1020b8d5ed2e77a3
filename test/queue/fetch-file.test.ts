/** What a worker fetches lands in its cache and nowhere else. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../src/files/hash.ts";
import { fetchFile } from "../../src/queue/fetch-file.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

test("a file is fetched once, whole, and under its hash", async () => {
  const folder = await temporaryFolder();
  const [source, cache] = [join(folder, "source"), join(folder, "cache")];
  mkdirSync(source);
  writeFileSync(join(source, "net.onnx"), "weights");
  const wanted = { name: "net.onnx", hash: sha256(Buffer.from("weights")), sha256: sha256(Buffer.from("weights")) };
  const path = await fetchFile(source, wanted, { cache });
  expect(readFileSync(path, "utf8")).toBe("weights");
  writeFileSync(join(source, "net.onnx"), "others");
  expect(await fetchFile(source, wanted, { cache })).toBe(path);
  const other = { ...wanted, hash: "ab" };
  await expect(fetchFile(source, other, { cache })).rejects.toThrow("another file, with SHA-256");
  expect(readdirSync(join(cache, "queue", "ab"))).toEqual([]);
});

test.each([
  ["../../evil.onnx", "ab"],
  ["..\\evil.onnx", "ab"],
  ["..", "ab"],
  ["/etc/passwd", "ab"],
  ["", "ab"],
  ["net.onnx", "../../elsewhere"],
  ["net.onnx", ""],
])("a name %j under the hash %j is refused", async (name, hash) => {
  const folder = await temporaryFolder();
  await expect(fetchFile(folder, { name, hash }, { cache: join(folder, "cache") })).rejects.toThrow(
    "expected a file's own name and hash",
  );
  expect(readdirSync(folder)).toEqual([]);
});
