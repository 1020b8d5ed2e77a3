/** A file from the web, pinned by its size and MD5. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { type DataProgress } from "./cache.ts";

/** What is fetched and what it must be. */
export interface PinnedDownload {
  readonly url: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
}

/** A server that sends nothing for so long is given up. */
const SILENCE_MS = 60_000;

/**
 * Fetches into a new file.
 * @throws {UnitscopeError} `download` if the server cannot be reached, answers with an error, falls silent, or sends
 *   something else than what is pinned; `interrupted` if the signal fires.
 */
export async function download(
  { url, sizeBytes, md5 }: PinnedDownload,
  path: string,
  { progress, signal }: { progress?: DataProgress | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  throwIfInterrupted(signal, url);
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`nothing for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  const file = await open(path, "wx");
  try {
    const tell = (done: number): void =>
      progress?.({ title: `fetching ${url}`, done, total: sizeBytes, unit: "bytes" });
    tell(0);
    const response = await fetch(url, { signal: AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]) });
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    const hash = createHash("md5");
    let done = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      timer.refresh();
      hash.update(chunk);
      await file.writeFile(chunk);
      done += chunk.length;
      if (done > sizeBytes) break;
      tell(done);
    }
    const got = hash.digest("hex");
    if (done !== sizeBytes || got !== md5)
      throw new Error(`${done > sizeBytes ? "more" : `${done} bytes`}, MD5 ${got}`);
  } catch (cause) {
    throwIfInterrupted(signal, url);
    if (cause instanceof UnitscopeError) throw cause;
    throw new UnitscopeError(
      "download",
      `${url}: expected ${sizeBytes} bytes with MD5 ${md5}, got ${reasonOf(cause)}`,
      {
        cause,
      },
    );
  } finally {
    clearTimeout(timer);
    await file.close();
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error ? cause.cause : undefined;
  return inner === undefined ? messageOf(cause) : `${messageOf(cause)}: ${messageOf(inner)}`;
}
