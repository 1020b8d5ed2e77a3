import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cacheElsewhere, cacheFolder } from "../../src/data/cache.ts";
import {
  type CacheOptions,
  type PinnedFile,
  presentFiles,
  readPinned,
  writePinned,
} from "../../src/data/pinned-files.ts";
import { UnitscopeError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/files/atomic-file.ts";
import { sha256 } from "../../src/files/hash.ts";
import { withLock } from "../../src/files/lock.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const contents = ["first", "second"].map((text) => new TextEncoder().encode(text));
const files: PinnedFile[] = contents.map((bytes, at) => ({ name: `${at}.bin`, sha256: sha256(bytes) }));

/** A source that counts how often it is fetched. */
function source(): { pull: (options: CacheOptions) => Promise<void>; pulls: () => number } {
  let pulls = 0;
  return {
    pulls: () => pulls,
    async pull({ folder }) {
      pulls++;
      await new Promise((wake) => setTimeout(wake, 50));
      for (const [at, file] of files.entries()) await writePinned(file, contents[at], folder);
    },
  };
}

describe("files of a fetched data set", () => {
  it("are fetched once, then read", async () => {
    const folder = join(await temporaryFolder(), "deep", "set");
    const { pull, pulls } = source();
    for (let time = 0; time < 3; time++) {
      const read = await readPinned(files, pull, { folder });
      expect(read.map((bytes) => Buffer.from(bytes).toString())).toEqual(["first", "second"]);
    }
    expect(pulls()).toBe(1);
    expect((await readdir(folder)).sort()).toEqual(["0.bin", "1.bin"]);
  });

  it("are fetched again when one is damaged or missing", async () => {
    const folder = await temporaryFolder();
    const { pull, pulls } = source();
    await readPinned(files, pull, { folder });
    await writeFile(join(folder, "1.bin"), "secons");
    expect(await presentFiles(files, folder)).toEqual([true, false]);
    await readPinned(files, pull, { folder });
    expect(pulls()).toBe(2);
    expect(await readFile(join(folder, "1.bin"), "utf8")).toBe("second");
  });

  it("are fetched once by many at a time", async () => {
    const folder = join(await temporaryFolder(), "set");
    const { pull, pulls } = source();
    await Promise.all(Array.from({ length: 5 }, () => readPinned(files, pull, { folder })));
    expect(pulls()).toBe(1);
  });

  it("are not written when their content is not what was published", async () => {
    const folder = await temporaryFolder();
    const bytes = new TextEncoder().encode("other");
    const pull = async (options: CacheOptions): Promise<void> => writePinned(files[0], bytes, options.folder);
    await expect(readPinned(files, pull, { folder })).rejects.toMatchObject({
      code: "download",
      message: `0.bin: expected content with SHA-256 ${files[0]?.sha256}, got ${sha256(bytes)}`,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses a fetch that wrote something else", async () => {
    const folder = await temporaryFolder();
    await expect(readPinned(files, async () => undefined, { folder })).rejects.toThrow(
      "expected the files just written, got others",
    );
  });
});

describe("the cache", () => {
  it("is where UNITSCOPE_CACHE says, else in the user's cache folder", () => {
    expect(cacheFolder({ UNITSCOPE_CACHE: "/some/where" })).toBe("/some/where");
    expect(cacheFolder({ XDG_CACHE_HOME: "/other" })).toBe(join("/other", "unitscope"));
    expect(cacheFolder({})).toMatch(/\.cache[/\\]unitscope$/);
  });

  it("writes whole files or none, and says why not", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    expect(() => writeFileAtomic(join(folder, "file", "inside"), new Uint8Array(1))).toThrow(UnitscopeError);
    await mkdir(join(folder, "taken"));
    const elsewhere = { elsewhere: cacheElsewhere };
    expect(() => writeFileAtomic(join(folder, "taken"), new Uint8Array(1), elsewhere)).toThrow(
      "expected a file that can be written, got a folder; set UNITSCOPE_CACHE to another folder",
    );
    expect((await readdir(folder)).sort()).toEqual(["file", "taken"]);
  });

  it("takes over the lock of a process that died", async () => {
    const path = join(await temporaryFolder(), "set");
    await mkdir(`${path}.lock`);
    const long = new Date(Date.now() - 120_000);
    await utimes(`${path}.lock`, long, long);
    expect(await withLock(path, async () => 7)).toBe(7);
  });

  it("gives up waiting for a lock when interrupted", async () => {
    const path = join(await temporaryFolder(), "set");
    await mkdir(`${path}.lock`);
    const stop = new AbortController();
    const waiting = withLock(path, async () => 7, { signal: stop.signal, waiting: () => stop.abort() });
    await expect(waiting).rejects.toMatchObject({ code: "interrupted" });
  });
});
