/** Files that a worker lacks, from a web server or a folder, into its cache: whole, and under the hash of their content. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";

/** A server that sends nothing for so long is given up. */
const SILENCE_MS = 60_000;

/** What is fetched. */
export interface WantedFile {
  /** Name of the file at the source. */
  readonly name: string;
  /** The cached copy's own folder is named by it. */
  readonly hash: string;
  /** SHA-256 of the file, where that is known before it is opened. */
  readonly sha256?: string | undefined;
}

/**
 * Fetches a file unless the cache holds it.
 *
 * @param source `http://…` or `https://…` of a folder with such files, or a path of one.
 * @returns the cached copy's path.
 * @throws {UnitscopeError} `download` if it is not there, arrives damaged, or the server falls silent; nothing is kept then.
 */
export async function fetchFile(
  source: string,
  { name, hash, sha256 }: WantedFile,
  { cache, signal }: { cache: string; signal?: AbortSignal | undefined },
): Promise<string> {
  // Both come from a run's folder or from a queue, which others may write.
  if (!/^\w+$/.test(hash) || name !== basename(name) || /^\.*$|[\\/]/.test(name)) {
    throw new UnitscopeError(
      "download",
      `plan: expected a file's own name and hash, got ${JSON.stringify(`${hash}/${name}`.slice(0, 100))}`,
    );
  }
  const path = join(cache, "queue", hash, name);
  if (existsSync(path)) return path;
  const isWeb = /^https?:\/\//i.test(source);
  const from = isWeb ? `${source.replace(/\/*$/, "/")}${encodeURIComponent(name)}` : resolve(source, name);
  const draft = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}.part`;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(draft, "wx");
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`nothing for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  const stop = AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]);
  try {
    const digest = createHash("sha256");
    for await (const chunk of isWeb ? fromWeb(from, stop) : fromFile(from)) {
      timer.refresh();
      digest.update(chunk);
      await file.writeFile(chunk);
    }
    const got = digest.digest("hex");
    if (sha256 !== undefined && got !== sha256) {
      throw new Error(`another file, with SHA-256 ${got.slice(0, 12)}…`);
    }
    await file.sync();
    await file.close();
    await rename(draft, path);
    return path;
  } catch (cause) {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
    const wanted = sha256 === undefined ? "the file of the plan" : `the file with SHA-256 ${sha256.slice(0, 12)}…`;
    throw new UnitscopeError("download", `${from}: expected ${wanted}, got ${messageOf(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Forgets a cached copy that turned out to be another file. */
export async function forgetFetched(path: string): Promise<void> {
  await rm(dirname(path), { recursive: true, force: true });
}

async function* fromWeb(url: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
  yield* response.body as unknown as AsyncIterable<Uint8Array>;
}

async function* fromFile(path: string): AsyncIterable<Uint8Array> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new Error("no such file");
  yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
}
