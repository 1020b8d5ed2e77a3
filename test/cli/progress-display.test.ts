/** What progress says, and when. */
import { expect, test, vi } from "vitest";
import { duration, openProgress, type Silence } from "../../src/cli/progress-display.ts";
import { terminalContext } from "../../src/cli/terminal.ts";

/** A display on a clock of the test's own. */
function display(
  total: number | undefined,
  unit: string,
  isTTY = false,
): {
  readonly lines: () => string[];
  readonly at: (ms: number) => void;
  readonly progress: ReturnType<typeof openProgress>;
} {
  const written: string[] = [];
  vi.useFakeTimers({ now: 0 });
  const progress = openProgress({
    title: "training",
    total,
    unit,
    stream: { isTTY, columns: 100, write: (text: string) => written.push(text) },
    now: () => Date.now(),
  });
  return { lines: () => written, at: (ms) => void vi.advanceTimersByTime(ms - Date.now()), progress };
}

test("piped: a line within a second though nothing was reported, and one every few seconds", () => {
  const { lines, at, progress } = display(500, "images");
  at(1000);
  expect(lines()).toEqual(["training  0 of 500 images  0 %\n"]);
  at(15_000);
  expect(lines().length).toBe(3);
  progress.finish();
  at(60_000);
  expect(lines().length).toBe(3);
});

test("what was there before the process says nothing about the rate", () => {
  const { lines, at, progress } = display(50_000, "images");
  progress.update(25_000); // a resumed run
  at(5890);
  progress.update(25_590);
  at(5900);
  expect(lines().at(-1)).toBe("training  25,590 of 50,000 images  51 %  100 images/s  4 min 4 s left\n");
  progress.finish();
});

test("on a terminal it is redrawn; without a unit there is nothing to count", () => {
  const { lines, at, progress } = display(undefined, "", true);
  at(2500);
  expect(lines().length).toBeGreaterThan(1);
  expect(lines()[0]).toBe("\r\u001b[Jtraining\r");
  progress.finish();
  expect(lines().at(-1)).toBe("\r\u001b[J");
  vi.useRealTimers();
});

test("a command's first line comes within a second, whatever was shown before it, and once", () => {
  vi.useFakeTimers({ now: 0 });
  const written: string[] = [];
  const silence: Silence = { since: 0 };
  const shared = { stream: { write: (text: string) => written.push(text) }, silence, now: () => Date.now() };
  const opening = openProgress({ ...shared, title: "opening", total: undefined, unit: "" });
  vi.advanceTimersByTime(400);
  opening.finish();
  const reading = openProgress({ ...shared, title: "reading", total: 9, unit: "images" });
  vi.advanceTimersByTime(400);
  expect(written).toEqual(["reading  0 of 9 images  0 %\n"]);
  reading.finish();
  const looking = openProgress({ ...shared, title: "looking", total: undefined, unit: "" });
  vi.advanceTimersByTime(800);
  expect(written.length).toBe(1);
  looking.finish();
  vi.useRealTimers();
});

test("a command that is silent says that it has begun, and no more once it speaks", () => {
  vi.useFakeTimers({ now: 0, toFake: ["setInterval", "clearInterval", "performance"] });
  const written: string[] = [];
  const context = terminalContext(
    {
      stdout: { write: () => true },
      stderr: { write: (text: string) => written.push(text) },
      signal: new AbortController().signal,
      began: 0,
    },
    { options: { quiet: false, json: false }, failed: () => undefined },
  );
  context.begin("ablate: opening what it needs");
  vi.advanceTimersByTime(800);
  expect(written).toEqual(["ablate: opening what it needs\n"]);
  context.note("caution: something");
  vi.advanceTimersByTime(60_000);
  expect(written.length).toBe(2);
  vi.useRealTimers();
});

test("no duration has sixty minutes or seconds", () => {
  expect([59.6, 3599.4, 3599.6, 7170].map(duration)).toEqual(["1 min 0 s", "59 min 59 s", "1 h 0 min", "2 h 0 min"]);
});
