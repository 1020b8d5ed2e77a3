/** One writer a run folder: the second process is refused by name, a lock whose process is gone is taken over. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { lockRun } from "../../src/runs/run-lock.ts";
import { newFolder } from "./example-run.ts";

const module = fileURLToPath(new URL("../../dist/runs/run-lock.js", import.meta.url));

/** A process that takes a folder and keeps it until its input ends. */
async function otherProcess(
  folder: string,
): Promise<{ pid: number | undefined; stop(signal?: "SIGKILL"): Promise<void> }> {
  const script = `
    const { lockRun } = await import(${JSON.stringify(module)});
    try { lockRun(${JSON.stringify(folder)}, "sets"); console.log("taken"); } catch (error) { console.log(error.message); process.exit(2); }
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

test("a folder that another process works in is refused, with what it does and who it is", async () => {
  const folder = newFolder();
  const other = await otherProcess(folder);
  expect(() => lockRun(folder, "ablate")).toThrow(
    `expected no other process at work in it, got unitscope sets (process ${other.pid} on ${hostname()}, since 20`,
  );
  await other.stop();
  expect(existsSync(join(folder, ".lock"))).toBe(false);
  const own = lockRun(folder, "ablate");
  await expect(otherProcess(folder)).rejects.toThrow(`got unitscope ablate (process ${process.pid} on`);
  own.release();
});

test("a lock whose process was killed is taken over", async () => {
  const folder = newFolder();
  const other = await otherProcess(folder);
  await other.stop("SIGKILL");
  expect(existsSync(join(folder, ".lock"))).toBe(true);
  lockRun(folder, "ablate").release();
  expect(existsSync(join(folder, ".lock"))).toBe(false);
});

test("a number that another process has now, and a file that was cut short, hold nothing", () => {
  const folder = newFolder();
  const file = join(folder, ".lock");
  const holder = { pid: process.pid, host: hostname(), command: "ablate", since: "2020-01-01T00:00:00.000Z" };
  writeFileSync(file, JSON.stringify({ ...holder, process: "1" }));
  lockRun(folder, "rotate").release();
  writeFileSync(file, '{"pid": 1');
  lockRun(folder, "rotate").release();
});

test("another machine's lock holds while it is touched", () => {
  const folder = newFolder();
  const file = join(folder, ".lock");
  const holder = { pid: 1, host: "elsewhere", command: "ablate", since: "2020-01-01T00:00:00.000Z", process: null };
  writeFileSync(file, JSON.stringify(holder));
  expect(() => lockRun(folder, "rotate")).toThrow("(process 1 on elsewhere, since 2020-01-01T00:00:00.000Z)");
  const before = new Date(Date.now() - 10 * 60_000);
  utimesSync(file, before, before);
  lockRun(folder, "rotate").release();
});

test("work of one process shares its lock, which the last gives free", () => {
  const folder = newFolder();
  const [first, second] = [lockRun(folder, "ablate"), lockRun(folder, "attributes")];
  expect(JSON.parse(readFileSync(join(folder, ".lock"), "utf8"))).toMatchObject({ command: "ablate" });
  first.release();
  first.release();
  expect(existsSync(join(folder, ".lock"))).toBe(true);
  second.release();
  expect(existsSync(join(folder, ".lock"))).toBe(false);
});
