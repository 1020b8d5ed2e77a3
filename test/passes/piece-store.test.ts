import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, jsonValue, property } from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/files/canonical-json.ts";
import { openPieceStore } from "../../src/passes/piece-store.ts";
import { newFolder } from "../runs/example-run.ts";

const key = { model: "ab".repeat(32), tap: "relu5", ablation: { method: "zero" }, schemaVersion: 1 };
const bytes = Uint8Array.of(1, 2, 3, 250);

test("a piece comes back, in any order of the key's fields, and only under its key", () => {
  const folder = newFolder();
  openPieceStore(folder, key).put("images-0", bytes);
  const reordered = { schemaVersion: 1, ablation: { method: "zero" }, tap: "relu5", model: "ab".repeat(32) };
  const store = openPieceStore(folder, reordered);
  expect(store.get("images-0")).toEqual(bytes);
  expect(store.get("images-1")).toBeUndefined();
  expect(store.names()).toEqual(["images-0"]);
  expect(openPieceStore(folder, { ...key, tap: "relu4" }).get("images-0")).toBeUndefined();
});

test("a piece's bytes are its own: aligned, and not shared with another", () => {
  const store = openPieceStore(newFolder(), key);
  store.put("a", new Uint8Array(Float64Array.of(1, 2).buffer));
  const piece = store.get("a") as Uint8Array;
  expect(new Float64Array(piece.buffer)).toEqual(Float64Array.of(1, 2));
});

test("damage anywhere in a piece makes it count as not there", () => {
  const store = openPieceStore(newFolder(), key);
  store.put("a", bytes);
  const file = join(store.path, "a.piece");
  const whole = readFileSync(file);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Uint8Array.from(whole);
    damaged[at] = damaged[at] ^ 1;
    writeFileSync(file, damaged);
    expect(store.get("a"), `byte ${at}`).toBeUndefined();
  }
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(file, whole);
    truncateSync(file, length);
    expect(store.get("a"), `length ${length}`).toBeUndefined();
  }
  store.put("a", bytes);
  expect(store.get("a")).toEqual(bytes);
});

test("a piece that another key made is an error that names what differs", () => {
  const folder = newFolder();
  const other = openPieceStore(folder, { ...key, ablation: { method: "mean" } });
  const store = openPieceStore(folder, key);
  other.put("a", bytes);
  mkdirSync(store.path, { recursive: true });
  copyFileSync(join(other.path, "a.piece"), join(store.path, "a.piece"));
  expect(() => store.get("a")).toThrow("a.piece: expected ablation.method mean, got zero; remove the file");
  copyFileSync(join(other.path, "a.piece"), join(other.path, "b.piece"));
  expect(() => other.get("b")).toThrow("expected piece a, got b");
});

test("clearing removes the pieces of this key alone, and names cannot leave the folder", () => {
  const folder = newFolder();
  const store = openPieceStore(folder, key);
  const other = openPieceStore(folder, { ...key, tap: "relu4" });
  store.put("a", bytes);
  other.put("a", bytes);
  store.clear();
  expect(store.get("a")).toBeUndefined();
  expect(store.names()).toEqual([]);
  expect(other.get("a")).toEqual(bytes);
  expect(readdirSync(join(folder, "pieces"))).toHaveLength(1);
  expect(() => store.put("../a", bytes)).toThrow("expected a plain name");
});

test("canonical JSON is one text per value, and reads back as it", () => {
  assert(
    property(jsonValue(), (value) => {
      const json = JSON.parse(JSON.stringify(value)) as Parameters<typeof canonicalJson>[0];
      expect(JSON.parse(canonicalJson(json))).toEqual(json);
      expect(canonicalJson(JSON.parse(canonicalJson(json)) as typeof json)).toBe(canonicalJson(json));
    }),
  );
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  expect(() => canonicalJson(Number.NaN)).toThrow("expected finite numbers, got NaN");
});
