/**
 * The explorer at its largest: writes a made run of 4,000 units × 1,000 classes, its report, opens the page from disk in
 * Chromium and measures what a reader waits for.
 *
 * usage: npx tsx bench/explorer.ts [UNITS] [CLASSES]     needs `npm run build` and Chromium
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { writeReport } from "../src/report/write-report.ts";
import { hostileNames, makeLargeRun } from "../test/report/made-run.ts";

const [units = 4000, classes = 1000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "unitscope-explorer-"));
const rows: [string, string][] = [];
const timed = async <T>(what: string, work: () => T | Promise<T>): Promise<T> => {
  const started = performance.now();
  const result = await work();
  rows.push([what, `${((performance.now() - started) / 1000).toFixed(2)} s`]);
  return result;
};
try {
  const size = { units, classNames: hostileNames(classes), imagesPerClass: 5 };
  const run = await timed("making the run (not part of the product)", () => makeLargeRun(join(folder, "run"), size));
  const report = await timed("writing the report", () =>
    writeReport(join(folder, "page"), [{ run, label: "made", subject: undefined }]),
  );
  rows.push(["the folder without the runtime", `${(report.bytes / 2 ** 20).toFixed(1)} MB`]);
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const url = pathToFileURL(report.index).href;
  await timed("overview from disk to load", () => page.goto(url));
  await page.goto("about:blank");
  await timed("matrix from disk to its first painting", async () => {
    await page.goto(`${url}#matrix`);
    await page.waitForFunction("document.querySelector('.matrix canvas')?.width > 400");
  });
  const scrolling = await page.evaluate(`new Promise((resolve) => {
    const box = document.querySelector(".matrix");
    const times = [];
    let last = performance.now();
    const step = () => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      box.scrollTop += 37;
      if (times.length < 120) requestAnimationFrame(step);
      else resolve(times.slice(5).sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
  })`);
  const frames = scrolling as number[];
  const at = (share: number): string => `${(frames[Math.floor(share * (frames.length - 1))] ?? 0).toFixed(1)} ms`;
  rows.push(["a frame while scrolling: median, 95 %", `${at(0.5)}, ${at(0.95)}`]);
  await timed("like beside like (clustering the units)", async () => {
    await page.goto(`${url}#matrix?rows=like`);
    await page.waitForFunction("document.querySelector('.controls select option:checked')");
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  });
  const heap = await page.evaluate<number>("performance.memory.usedJSHeapSize");
  rows.push(["JavaScript heap of the page", `${(heap / 2 ** 20).toFixed(0)} MB`]);
  await timed("gallery", async () => {
    await page.goto(`${url}#units`);
    await page.locator(".card").first().waitFor();
  });
  await browser.close();
  console.log(`${units.toLocaleString("en")} units × ${classes.toLocaleString("en")} classes, opened from disk\n`);
  for (const [what, value] of rows) console.log(`${value.padStart(20)}  ${what}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
