import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type RecordedStep, runRecordedSteps } from "../../src/commands/recorded-steps.ts";
import { newFolder } from "../runs/example-run.ts";

/** Three steps in a row, each made from the one before; `keys` is what they depend on besides. */
function chain(folder: string, keys: Record<string, string>, fails: ReadonlySet<string> = new Set()): RecordedStep[] {
  return ["a", "b", "c"].map((title, at) => ({
    title,
    reads: at === 0 ? [] : [["a", "b"][at - 1]],
    changes: [title],
    key: () => keys[title] ?? "",
    perform: () => {
      if (fails.has(title)) return Promise.reject(new Error(`no ${title}`));
      mkdirSync(join(folder, "made"), { recursive: true });
      writeFileSync(join(folder, "made", title), keys[title] ?? "");
      return Promise.resolve([join(folder, "made", title)]);
    },
  }));
}

/** Runs the chain and gives the steps that were made. */
async function made(folder: string, ...[keys, fails]: [Record<string, string>, ReadonlySet<string>?]): Promise<string> {
  let titles = "";
  await runRecordedSteps(chain(folder, keys, fails), join(folder, "steps.json"), {
    step: ({ title, isDone }) => {
      if (!isDone) titles += title;
    },
  });
  return titles;
}

test("a step is made once, and again when it, what it reads, or what it made is not there as it was", async () => {
  const folder = newFolder();
  const keys = { a: "1", b: "1", c: "1" };
  expect(await made(folder, keys)).toBe("abc");
  expect(await made(folder, keys)).toBe("");
  expect(await made(folder, { ...keys, c: "2" })).toBe("c");
  expect(await made(folder, { ...keys, b: "2", c: "2" })).toBe("bc");
  rmSync(join(folder, "made", "a"));
  expect(await made(folder, { ...keys, b: "2", c: "2" })).toBe("abc");
  expect(await made(folder, { ...keys, b: "", c: "2" })).toBe("bc"); // nobody can say what b depends on
});

test("what was made from something that changes is not done, even when that call was interrupted", async () => {
  const folder = newFolder();
  const keys = { a: "1", b: "1", c: "1" };
  await made(folder, keys);
  await expect(made(folder, { ...keys, a: "2" }, new Set(["b"]))).rejects.toThrow("no b");
  expect(await made(folder, { ...keys, a: "2" })).toBe("bc");
  await expect(made(folder, { ...keys, a: "3" }, new Set(["a"]))).rejects.toThrow("no a");
  expect(await made(folder, { ...keys, a: "2" })).toBe("abc");
});

test("a file that is there and not as it was written is made again", async () => {
  const folder = newFolder();
  const keys = { a: "1", b: "1", c: "1" };
  await made(folder, keys);
  const titles: string[] = [];
  await runRecordedSteps(chain(folder, keys), join(folder, "steps.json"), {
    isWhole: (path) => Promise.resolve(path !== join(folder, "made", "b")),
    step: ({ title, isDone }) => titles.push(`${title} ${isDone}`),
  });
  expect(titles).toEqual(["a true", "b false", "c false"]);
});

test("a step that failed is made by the next call, with the time of both", async () => {
  const folder = newFolder();
  const keys = { a: "1", b: "1", c: "1" };
  await expect(made(folder, keys, new Set(["b"]))).rejects.toThrow("no b");
  const read = (): Record<string, { key: string; elapsedMs: number }> =>
    (
      JSON.parse(readFileSync(join(folder, "steps.json"), "utf8")) as {
        steps: Record<string, { key: string; elapsedMs: number }>;
      }
    ).steps;
  expect(Object.keys(read())).toEqual(["a", "b"]);
  const spent = 1_000_000;
  const record = { steps: { ...read(), b: { key: "", elapsedMs: spent, files: [] } } };
  writeFileSync(join(folder, "steps.json"), JSON.stringify(record));
  expect(await made(folder, keys)).toBe("bc");
  expect(read()["b"]?.elapsedMs).toBeGreaterThanOrEqual(spent);
});

test("a stop between two steps leaves the record of those that are done", async () => {
  const folder = newFolder();
  const abort = new AbortController();
  const steps = chain(folder, { a: "1", b: "1", c: "1" });
  const stopped = runRecordedSteps(steps, join(folder, "steps.json"), {
    signal: abort.signal,
    step: () => abort.abort(new Error("enough")),
  });
  await expect(stopped).rejects.toThrow("enough");
  expect(await made(folder, { a: "1", b: "1", c: "1" })).toBe("bc");
});

test("a damaged record costs time, not results", async () => {
  const folder = newFolder();
  const keys = { a: "1", b: "1", c: "1" };
  for (const text of ["{", '{"steps":{"a":{"key":"1","elapsedMs":1}}}', "null"]) {
    writeFileSync(join(folder, "steps.json"), text);
    expect(await made(folder, keys)).toBe("abc");
  }
});
