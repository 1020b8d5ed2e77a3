/** One writer a run folder: the second process is refused by name, a lock whose process is gone is taken over. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { isTouched, keepTouched } from "../../src/files/sign-of-life.ts";
import { holdingRun, lockRun } from "../../src/runs/run-lock.ts";
import { newFolder } from "./example-run.ts";

const module = fileURLToPath(new URL("../../dist/runs/run-lock.js", import.meta.url));

/** A process that takes a folder and keeps it until its input ends. */
async function otherProcess(
  folder: string,
): Promise<{ pid: number | undefined; stop(signal?: "SIGKILL"): Promise<void> }> {
  const script = `
    const { lockRun } = await import(${JSON.stringify(module)});
    try { await lockRun(${JSON.stringify(folder)}, "sets"); console.log("taken"); } catch (error) { console.log(error.message); process.exit(2); }
    process.stdin.resume();
    process.stdin.on("end", () => process.exit(0));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const exited = once(child, "exit");
  if (!said.toString().startsWith("taken")) throw new Error(said.toString().trim());
  return {
    pid: child.pid,
    stop: async (signal) => {
      if (signal) child.kill(signal);
      else child.stdin.end();
      await exited;
    },
  };
}

/** Nobody waits for long in tests. */
const beat = { touchMs: 40, staleMs: 400 };

/** Takes a folder and gives it free again. */
async function takeOnce(folder: string): Promise<void> {
  (await lockRun(folder, "rotate", beat)).release();
}

/** Leaves the lock of a process in a folder. */
function leaveLock(folder: string, holder: object): string {
  const file = join(folder, ".lock");
  const usual = { pid: process.pid, host: "elsewhere", command: "ablate", since: "2020-01-01T00:00:00.000Z" };
  writeFileSync(file, JSON.stringify({ ...usual, process: null, ...holder }));
  return file;
}

/** Sets a file's date so many minutes from now. */
function date(file: string, minutes: number): void {
  const when = new Date(Date.now() + minutes * 60_000);
  utimesSync(file, when, when);
}

test("a folder that another process works in is refused, with what it does and who it is", async () => {
  const folder = newFolder();
  const other = await otherProcess(folder);
  await expect(lockRun(folder, "ablate")).rejects.toThrow(
    `expected no other process at work in it, got unitscope sets (process ${other.pid} on ${hostname()}, since 20`,
  );
  await other.stop();
  expect(existsSync(join(folder, ".lock"))).toBe(false);
  const own = await lockRun(folder, "ablate");
  await expect(otherProcess(folder)).rejects.toThrow(`got unitscope ablate (process ${process.pid} on`);
  own.release();
});

test("a lock whose process was killed is taken over", async () => {
  const folder = newFolder();
  const other = await otherProcess(folder);
  await other.stop("SIGKILL");
  expect(existsSync(join(folder, ".lock"))).toBe(true);
  await takeOnce(folder);
  expect(existsSync(join(folder, ".lock"))).toBe(false);
});

test("a number that another process has now, and files that no process wrote, hold nothing", async () => {
  const folder = newFolder();
  const file = leaveLock(folder, { host: hostname(), process: "1" });
  await takeOnce(folder);
  for (const text of ['{"pid": 1', "null", "5", "", '{"pid":"x","host":"elsewhere"}', '{"pid":0.5}', "[]"]) {
    writeFileSync(file, text);
    await takeOnce(folder);
  }
});

describe("another machine's lock", () => {
  test("holds while it is touched", async () => {
    const folder = newFolder();
    const file = leaveLock(folder, {});
    await expect(takeOnce(folder)).rejects.toThrow(
      /on elsewhere, since 2020-01-01T00:00:00.000Z\).*; if it has ended, remove .lock there$/,
    );
    date(file, -10);
    await takeOnce(folder);
    expect(existsSync(file)).toBe(false);
  });

  test("holds when a clock jumps ahead, and its holder touches the file after that", async () => {
    const folder = newFolder();
    const file = leaveLock(folder, {});
    date(file, -60); // as it looks once the file system's clock is an hour ahead
    const stop = keepTouched(file, beat);
    await expect(takeOnce(folder)).rejects.toThrow("expected no other process at work in it");
    expect(isTouched(file, beat)).toBe(true);
    stop();
  });

  test("holds when the clock is set back: nothing says how old it is", async () => {
    const folder = newFolder();
    const file = leaveLock(folder, {});
    date(file, 60);
    await expect(takeOnce(folder)).rejects.toThrow("if it has ended, remove .lock there");
  });

  test("is judged by the file system's clock, whatever this machine's says", async () => {
    const folder = newFolder();
    const file = leaveLock(folder, {});
    const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 86_400_000);
    try {
      await expect(takeOnce(folder)).rejects.toThrow("expected no other process at work in it");
      expect(isTouched(file)).toBe(true);
    } finally {
      clock.mockRestore();
    }
  });
});

test("a process that was held up, and whose folder another took over, says so and leaves the other's lock", async () => {
  const folder = newFolder();
  const file = join(folder, ".lock");
  await expect(
    holdingRun(folder, "ablate", async () => {
      leaveLock(folder, { command: "sets" });
    }),
  ).rejects.toThrow("expected to be alone in it, got another process that took it over");
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ command: "sets" });
});

test("work of one process shares its lock, which the last gives free", async () => {
  const folder = newFolder();
  const [first, second] = await Promise.all([lockRun(folder, "ablate"), lockRun(folder, "attributes")]);
  expect(JSON.parse(readFileSync(join(folder, ".lock"), "utf8"))).toMatchObject({ command: "ablate" });
  first.release();
  first.release();
  expect(existsSync(join(folder, ".lock"))).toBe(true);
  second.release();
  expect(existsSync(join(folder, ".lock"))).toBe(false);
});
