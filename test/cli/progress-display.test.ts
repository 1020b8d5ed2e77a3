/** What progress says, and when. */
import { expect, test, vi } from "vitest";
import { openProgress } from "../../src/cli/progress-display.ts";

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
  at(5950);
  progress.update(25_595);
  expect(lines().at(-1)).toBe("training  25,595 of 50,000 images  51 %  100 images/s  4 min 4 s left\n");
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
