/**
 * Worker threads: answers go to their tasks, failures come back as they were thrown, closing waits for nobody, and a
 * thread that is done does the next work.
 */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Work } from "../../src/runtime/work.ts";
import { openPool, type WorkerPool } from "../../src/runtime/worker-pool.ts";

interface Task {
  readonly number?: number;
  readonly waitMs?: number;
  /** Asks for the thread's number. */
  readonly who?: boolean;
  readonly fails?: "known" | "unknown";
}

interface Setup {
  readonly failsAtSetup?: boolean;
  readonly holds?: boolean;
}

const echo: Work<Setup, Task, number> = {
  module: new URL("./echo-worker.mjs", import.meta.url).href,
  name: "echoWork",
  open: () => Promise.reject(new Error("opened by the threads alone")),
};
const open = (
  setup: Setup = {},
  options: { workers?: number; signal?: AbortSignal } = {},
): Promise<WorkerPool<Task, number>> => openPool(echo, setup, { workers: 2, ...options });

test("every task gets its own answer, whichever worker is faster", async () => {
  const pool = await open();
  const tasks = [30, 1, 20, 1, 10, 1].map((waitMs, number) => pool.run({ number, waitMs }));
  expect(await Promise.all(tasks)).toEqual([0, 2, 4, 6, 8, 10]);
  await pool.close();
});

test("a task that fails rejects alone, with the code it was thrown with", async () => {
  const pool = await open();
  await expect(pool.run({ fails: "known" })).rejects.toMatchObject({
    code: "value",
    message: "image 3: expected a number, got NaN",
  });
  await expect(pool.run({ fails: "unknown" })).rejects.toMatchObject({
    code: "internal",
    message: "internal: x is not a function",
  });
  expect(await pool.run({ number: 4 })).toBe(8);
  await pool.close();
});

test("a task reports how much of it is done, to the one who gave it", async () => {
  const pool = await open();
  const reports: number[] = [];
  const [long] = await Promise.all([
    pool.run({ number: 5, waitMs: 1000 }, { report: (done) => reports.push(done) }),
    pool.run({ number: 6, waitMs: 300 }),
  ]);
  expect(long).toBe(10);
  expect(reports.length).toBeGreaterThan(0);
  expect(reports.every((done) => done >= 0 && done < 1)).toBe(true);
  await pool.close();
});

test("work that its module does not export is a defect, and named", async () => {
  const missing = { ...echo, name: "other" };
  await expect(openPool(missing, {}, { workers: 1 })).rejects.toThrow('expected an export "other", got none');
});

test("a worker that cannot be set up fails the opening", async () => {
  await expect(open({ failsAtSetup: true })).rejects.toMatchObject({ code: "model" });
});

test("closing rejects what is under way and what waits, and may be repeated", async () => {
  const pool = await open({}, { workers: 1 });
  const tasks = [pool.run({ number: 1, waitMs: 60_000 }), pool.run({ number: 2 })];
  const ends = Promise.allSettled(tasks);
  await pool.close();
  await pool.close();
  for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "interrupted" } });
  await expect(pool.run({ number: 3 })).rejects.toMatchObject({ code: "interrupted" });
});

test("a signal closes the pool; one that has fired opens none", async () => {
  const abort = new AbortController();
  const pool = await open({}, { signal: abort.signal });
  const task = pool.run({ number: 1, waitMs: 60_000 });
  abort.abort(new Error("stopped by the test"));
  await expect(task).rejects.toThrow();
  await pool.close();
  await expect(open({}, { signal: abort.signal })).rejects.toThrow("stopped by the test");
});

/** The thread that does the work of a pool of one. */
async function threadOf(pool: WorkerPool<Task, number>): Promise<number> {
  return await pool.run({ who: true });
}

test("a thread that has done its work does the next; one that was at a task when its pool closed does not", async () => {
  const first = await open({}, { workers: 1 });
  const thread = await threadOf(first);
  await expect(first.run({ fails: "unknown" })).rejects.toThrow();
  await first.close();
  const second = await open({}, { workers: 1 });
  expect(await threadOf(second)).toBe(thread);
  const both = await open({}, { workers: 1 });
  expect(await threadOf(both)).not.toBe(thread); // it is busy
  await both.close();
  const task = second.run({ number: 1, waitMs: 60_000 }).catch(() => undefined);
  await second.close();
  await task;
  const third = await open({}, { workers: 2 });
  expect([await threadOf(third), await threadOf(third)]).not.toContain(thread);
  await third.close();
});

test("a thread that holds what only its end gives back does one work", async () => {
  const first = await open({ holds: true }, { workers: 1 });
  const thread = await threadOf(first);
  await first.close();
  const second = await open({}, { workers: 2 });
  const both = await Promise.all([second.run({ who: true }), second.run({ who: true })]);
  expect(both).not.toContain(thread);
  await second.close();
});

test("a process does not wait for threads that wait for work", () => {
  const modules = ["runtime/worker-pool.js", "../test/runtime/echo-worker.mjs"].map(
    (name) => new URL(`../../dist/${name}`, import.meta.url).href,
  );
  const script = `
    const [{ openPool }, { echoWork }] = await Promise.all(${JSON.stringify(modules)}.map((each) => import(each)));
    const pool = await openPool(echoWork, {}, { workers: 2 });
    console.log(await pool.run({ number: 2 }));
    await pool.close();
    setTimeout(() => console.log("waited"), 8_000).unref();`;
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })).toBe("4\n");
});

test("a guess at the setup is opened meanwhile, and gives way where it was wrong", async () => {
  const settled: { readonly work: Work<{ tolerance: number }, null, { shared: number }> } = {
    work: {
      module: new URL("../passes/settled-work.mjs", import.meta.url).href,
      name: "settledWork",
      open: () => Promise.reject(new Error("opened by the threads alone")),
    },
  };
  const guess = { tolerance: 1 };
  for (const setup of [guess, { tolerance: 2 }]) {
    const later = new Promise<{ tolerance: number }>((resolve) => setTimeout(() => resolve(setup), 300));
    const pool = await openPool(settled.work, later, { workers: 2, guess });
    const found = await Promise.all([pool.run(null), pool.run(null), pool.run(null)]);
    expect(found.map(({ shared }) => shared)).toEqual([setup.tolerance, setup.tolerance, setup.tolerance]);
    await pool.close();
  }
  const refused = Promise.reject<{ tolerance: number }>(new Error("not settled"));
  await expect(openPool(settled.work, refused, { workers: 1, guess })).rejects.toThrow("not settled");
});
