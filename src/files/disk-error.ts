/** What a system says about a file or folder, as one line in words. */
import { messageOf, UnitscopeError } from "../errors.ts";

/** What was wanted of a place on the disk. */
export interface DiskWish {
  /** After "expected": `an image file`. */
  readonly rule?: string;
  /** How a user gets a better place: where to write instead (`choose another folder`), or what to read. */
  readonly elsewhere?: string | undefined;
}

/** A system's error at `place` as one line that says what to do; an error of ours is passed on as it is. */
export function diskError(
  place: string,
  cause: unknown,
  { rule = "a file that can be read", elsewhere }: DiskWish = {},
): UnitscopeError {
  if (cause instanceof UnitscopeError) return cause;
  const code = systemCode(cause);
  const details = { path: place, code };
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    const other = elsewhere === undefined ? "" : `, or ${elsewhere}`;
    const message = `${place}: expected room on the disk, got ${code}; free some room and run the same command again${other}`;
    return new UnitscopeError("file", message, { cause, details });
  }
  const got = (code && words[code]) ?? messageOf(cause);
  const advice = elsewhere === undefined ? "" : `; ${elsewhere}`;
  return new UnitscopeError("file", `${place}: expected ${rule}, got ${got}${advice}`, { cause, details });
}

/** The code of a system error (`ENOENT`); `undefined` for any other. */
export function systemCode(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

const words: Readonly<Record<string, string>> = {
  ENOENT: "none there",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "a read-only file system",
  ENOTDIR: "a file where a folder should be",
  EISDIR: "a folder",
  ELOOP: "a link that leads back to itself",
};
