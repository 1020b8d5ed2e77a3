import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UnitscopeError } from "../../src/errors.ts";
import { isDraft, openAtomicFile, writeFileAtomic } from "../../src/files/atomic-file.ts";
import { diskError } from "../../src/files/disk-error.ts";
import { digestFile, sha256 } from "../../src/files/hash.ts";
import { sweepDrafts } from "../../src/files/temporary-folder.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a file is not there until it is committed, and replaces the old one whole", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "deep", "table");
  writeFileAtomic(path, "old");
  const file = openAtomicFile(path);
  file.write(bytes("ne"));
  file.write(bytes("w"));
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(join(folder, "deep")).filter(isDraft)).toHaveLength(1);
  file.commit();
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(readdirSync(join(folder, "deep"))).toEqual(["table"]);
  file.abandon(); // does nothing any more
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(() => file.write(bytes("x"))).toThrow(/^internal: /);
});

test("an abandoned file leaves nothing; two writers of one place do not mix", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "table");
  const [one, other] = [openAtomicFile(path), openAtomicFile(path)];
  one.write(bytes("one"));
  other.write(bytes("other"));
  one.commit();
  expect(readFileSync(path, "utf8")).toBe("one");
  other.abandon();
  expect(readdirSync(folder)).toEqual(["table"]);
});

test("what the disk says is one line in words, with what to do", async () => {
  const folder = await temporaryFolder();
  mkdirSync(join(folder, "taken"));
  expect(() => writeFileAtomic(join(folder, "taken"), "x")).toThrow(
    "taken: expected a file that can be written, got a folder; choose another folder",
  );
  expect(readdirSync(folder)).toEqual(["taken"]);
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  expect(diskError("a", full, { rule: "a file" }).message).toBe(
    "a: expected room on the disk, got ENOSPC; free some room and run the same command again",
  );
  expect(diskError("a", full, { elsewhere: "set X" }).message).toMatch(/again, or set X$/);
  expect(diskError("a", new Error("odd"), { rule: "a picture" }).message).toBe("a: expected a picture, got odd");
  const ours = new UnitscopeError("data", "b: expected c, got d");
  expect(diskError("a", ours)).toBe(ours);
});

test("drafts of killed processes go after a day", async () => {
  const folder = await temporaryFolder();
  const [old, young] = [".a.1-0-0.draft", ".b.2-0-0.draft"];
  for (const name of [old, young, "kept"]) writeFileSync(join(folder, name), "");
  utimesSync(join(folder, old), 0, 0);
  utimesSync(join(folder, "kept"), 0, 0);
  await sweepDrafts(folder);
  expect(readdirSync(folder).sort()).toEqual([young, "kept"]);
});

test("digests of parts and of files are those of the whole", async () => {
  // FIPS 180-2, appendix B.1: SHA-256 of "abc".
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(sha256("abc")).toBe(abc);
  expect(sha256("a", bytes("bc"))).toBe(abc);
  const path = join(await temporaryFolder(), "abc");
  writeFileSync(path, "abc");
  expect(await digestFile(path, "sha256")).toBe(abc);
  expect(await digestFile(path, "md5")).toBe("900150983cd24fb0d6963f7d28e17f72"); // RFC 1321, appendix A.5
});
