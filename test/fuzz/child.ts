/**
 * A process that reads damaged files, one after another, and says of each how it went. It opens nothing outside of the
 * case's folder, starts no process, connects to nothing and runs no text as code: whatever tries is found.
 */
import childProcess from "node:child_process";
import fs from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UnitscopeError } from "../../src/errors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import type { Files } from "./mutate.ts";
import type { Case, Outcome } from "./pool.ts";
import { WrongAnswer } from "./reader.ts";
import { readers } from "./readers.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";
let strays: string[] = [];
let isWatching = false;

/** Notes what is opened outside of the case's folder. */
function watch(holder: Record<string, unknown>, name: string): void {
  const original = holder[name] as (...args: unknown[]) => unknown;
  holder[name] = (...args: unknown[]): unknown => {
    const path = args[0];
    if (isWatching && (typeof path === "string" || path instanceof URL)) {
      const full = resolve(path instanceof URL ? fileURLToPath(path) : path);
      const isOwn = full === folder || full.startsWith(`${folder}/`) || full.startsWith(repository);
      if (!isOwn && !/^\/proc\/\d+\/stat$/.test(full)) strays.push(`${name} ${full}`);
    }
    return original.apply(holder, args);
  };
}

for (const name of [
  "openSync",
  "readFileSync",
  "writeFileSync",
  "createReadStream",
  "mkdirSync",
  "rmSync",
  "statSync",
  "readdirSync",
  "existsSync",
  "open",
  "readFile",
]) {
  watch(fs, name);
}
for (const name of ["open", "readFile", "writeFile", "mkdir", "rm", "stat", "readdir", "access"]) {
  watch(fs.promises, name);
}
for (const name of ["spawn", "exec", "execFile", "fork", "spawnSync", "execSync", "execFileSync"] as const) {
  (childProcess as unknown as Record<string, unknown>)[name] = () => {
    strays.push(`process ${name}`);
    throw new Error("expected no process");
  };
}
net.Socket.prototype.connect = function connect() {
  strays.push("connection");
  throw new Error("expected no connection");
};
syncBuiltinESMExports();

const built = new Map<string, Promise<{ files: Files; digest: string }>>();

async function place(where: string, files: Files): Promise<void> {
  folder = where;
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(where, name)), { recursive: true });
    await writeFile(join(where, name), bytes);
  }
}

/** Carries out one case. */
async function carryOut({ reader: name, seed, base }: Case): Promise<Omit<Outcome, "elapsedMs" | "peakBytes">> {
  const reader = readers.find((each) => each.name === name);
  if (!reader) throw new Error(`expected a reader, got ${name}`);
  const sound = await (built.get(name) ??
    built
      .set(
        name,
        (async () => {
          const files = await reader.build();
          const where = join(base, "sound", name);
          await place(where, files);
          return { files, digest: await reader.read(where, Object.keys(files)) };
        })(),
      )
      .get(name));
  if (!sound) throw new Error("unreachable");
  const random = seededRandom(seed);
  const damaged = reader.damage(random, sound.files);
  const where = join(base, `${name}-${seed}`);
  await place(where, damaged);
  strays = [];
  isWatching = true;
  try {
    const digest = await reader.read(where, Object.keys(damaged));
    if (strays.length > 0 && !reader.mayLeave) return { kind: "broken", message: `opened outside: ${strays[0]}` };
    if (reader.isGuarded && digest !== sound.digest)
      return { kind: "broken", message: "damage was read as if it were sound" };
    return { kind: "read", message: digest === sound.digest ? "same" : "different" };
  } catch (error) {
    if (strays.length > 0 && !reader.mayLeave) return { kind: "broken", message: `opened outside: ${strays[0]}` };
    if (error instanceof WrongAnswer) return { kind: "broken", message: `wrong answer: ${error.message}` };
    if (!(error instanceof UnitscopeError)) {
      const { stack = "" } = error instanceof Error ? error : {};
      return {
        kind: "broken",
        message: `not an error of ours: ${String(error)} ${stack
          .split("\n")
          .filter((line) => line.includes("/src/"))
          .slice(0, 3)
          .join(" ")}`,
      };
    }
    const { code, message } = error;
    if (code === "internal") return { kind: "broken", message: `internal: ${message}` };
    if (/[\n\r]/.test(message.replaceAll(where, ""))) return { kind: "broken", message: `several lines: ${message}` };
    if (message.length > 2000)
      return { kind: "broken", message: `a message of ${message.length} characters: ${message.slice(0, 200)}` };
    return { kind: "refused", message };
  } finally {
    isWatching = false;
    fs.rmSync(where, { recursive: true, force: true });
  }
}

process.on("message", (given: Case) => {
  const began = performance.now();
  void carryOut(given)
    .catch((error: unknown) => ({
      kind: "broken" as const,
      message: `harness: ${error instanceof Error ? error.stack : String(error)}`,
    }))
    .then((outcome) => {
      const { maxRSS } = process.resourceUsage();
      process.send?.({ ...outcome, elapsedMs: performance.now() - began, peakBytes: maxRSS * 1024 } satisfies Outcome);
    });
});
process.send?.("ready");
