/**
 * The explorer at its largest and at its fastest: what a reader waits for, in Chromium, with the page opened from disk.
 *
 * A made run of 4,000 units × 1,000 classes (first painting, scrolling, memory), a run of all 384 units of the shipped
 * network (bytes), and the shipped network live (from a click to the new probabilities on the screen).
 *
 * usage: npx tsx bench/explorer.ts [UNITS] [CLASSES]     needs `npm run build` and Chromium
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { runAblate } from "../src/commands/ablate-run.ts";
import { runAttributes } from "../src/commands/attributes-run.ts";
import { reportRuns } from "../src/commands/report.ts";
import { writeReport } from "../src/report/write-report.ts";
import { hostileNames, makeLargeRun } from "../test/report/made-run.ts";
import { makeImageFolder } from "../test/web/live-run.ts";

const [units = 4000, classes = 1000] = process.argv.slice(2).map(Number);
const shipped = fileURLToPath(new URL("../models/alexnet-cifar10.onnx", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "unitscope-explorer-"));
const say = (value: string, what: string): void => console.log(`${value.padStart(20)}  ${what}`);

/** Presses the buttons of units one after another; gives the times until the answer to each was on the screen. */
const clicking = `(async () => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const times = [];
  for (let at = 0; at < 45; at++) {
    const button = document.querySelectorAll(".unit-maps button[aria-pressed=false]")[0];
    const before = document.querySelector("[data-elapsed]").dataset.answers;
    const began = performance.now();
    button.click();
    while (document.querySelector("[data-elapsed]").dataset.answers === before) await new Promise((done) => setTimeout(done, 0));
    await painted();
    times.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 100));
  }
  return times;
})()`;

try {
  await measureMatrix();
  await measureLive();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** 4,000 × 1,000: each opening in a browser of its own, so that nothing is warm but the disk. */
async function measureMatrix(): Promise<void> {
  const size = { units, classNames: hostileNames(classes), imagesPerClass: 5 };
  const run = makeLargeRun(join(folder, "run"), size);
  const began = performance.now();
  const { index } = await writeReport(join(folder, "page"), [{ run, label: "made", subject: undefined }]);
  console.log(`${units.toLocaleString("en")} units × ${classes.toLocaleString("en")} classes, opened from disk\n`);
  say(seconds(performance.now() - began), "writing the report");
  say(megabytes(dataBytes(join(folder, "page"))), "data, without pictures, runtime and model");
  const url = pathToFileURL(index).href;
  const openings: number[] = [];
  const overviews: number[] = [];
  for (let at = 0; at < 5; at++) {
    await inBrowser(async (page) => {
      overviews.push(await timed(() => page.goto(url, { waitUntil: "load" })));
    });
    await inBrowser(async (page, browser) => {
      openings.push(await timed(() => openMatrix(page, `${url}#matrix`)));
      if (at > 0) return;
      for (const [direction, by] of [
        ["down", "box.scrollTop += 37"],
        ["across", "box.scrollLeft += 11"],
      ] as const) {
        const frames = await page.evaluate<number[]>(scrolling(by));
        const total = frames.reduce((sum, each) => sum + each, 0);
        say(`${((1000 * frames.length) / total).toFixed(1)} a second`, `frames while scrolling ${direction}`);
        say(`${quantile(frames, 0.5).toFixed(1)}, ${quantile(frames, 0.99).toFixed(1)} ms`, "a frame: median, 99 %");
      }
      say(megabytes(await rendererBytes(browser)), "memory of the page's process, matrix open and scrolled");
      const like = await timed(() => openMatrix(page, `${url}#matrix?rows=like`));
      say(seconds(like), "like beside like (clustering the units), opened anew");
      const gallery = await timed(async () => {
        await page.goto(`${url}#units`);
        await page.locator(".card").first().waitFor();
      });
      say(seconds(gallery), "gallery, after the matrix");
      say(megabytes(await rendererBytes(browser)), "memory after all of this");
    });
  }
  say(spread(overviews, seconds), "overview from disk to load: median (least, most) of 5 new browsers");
  say(spread(openings, seconds), "matrix from disk to its first painting: the same");
}

/** The shipped network: how many bytes a run of all its units takes, and how fast a click is answered. */
async function measureLive(): Promise<void> {
  const data = join(folder, "images");
  const classes = await makeImageFolder(data, { perClass: 100 });
  const run = join(folder, "shipped");
  await runAblate(shipped, data, { out: run, all: true, classes });
  await runAttributes(run, { shuffles: 20 });
  const { index } = await reportRuns([run]);
  const page = join(run, "report");
  console.log(`\nthe shipped network, all layers, 1,000 images\n`);
  say(megabytes(dataBytes(page)), "data and pictures, without runtime and model");
  await inBrowser(async (tab) => {
    await tab.goto(`${pathToFileURL(index).href}#image?in=conv5`);
    await tab.locator(".unit-maps button").first().waitFor();
    const clicks = await tab.evaluate<number[]>(clicking);
    say(spread(clicks.slice(5), milliseconds), `click to painted: median (least, most) of ${clicks.length - 5} clicks`);
    say(milliseconds(quantile(clicks.slice(5), 0.95)), "the same: 95 %");
    const own = await tab.evaluate<number>("Number(document.querySelector('[data-elapsed]').dataset.elapsed)");
    say(milliseconds(own), "of which the network (the last click)");
  });
}

/** Waits until the matrix has been painted and shown. */
async function openMatrix(page: Page, url: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForFunction("document.querySelector('.matrix canvas')?.width > 400");
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))");
}

/** Scrolls for 240 frames; gives the times between them. */
function scrolling(step: string): string {
  return `new Promise((resolve) => {
    const box = document.querySelector(".matrix");
    const times = [];
    let last = performance.now();
    const frame = () => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      ${step};
      if (times.length < 240) requestAnimationFrame(frame);
      else resolve(times.slice(10));
    };
    requestAnimationFrame(frame);
  })`;
}

async function inBrowser(use: (page: Page, browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
  });
  try {
    await use(await browser.newPage({ viewport: { width: 1280, height: 900 } }), browser);
  } finally {
    await browser.close();
  }
}

/** Memory that the renderer holds alone or shares, in proportion (Linux's Pss). */
async function rendererBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return Math.max(
    ...processInfo
      .filter(({ type }) => type === "renderer")
      .map(({ id }) => {
        const [, kilobytes = "0"] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8")) ?? [];
        return 1024 * Number(kilobytes);
      }),
  );
}

/** Bytes of a page but for the application, the runtime and the network. */
function dataBytes(page: string): number {
  return readdirSync(page, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/[\\/](explorer|runtime)[\\/]|-model\.js$/.test(path.slice(page.length)))
    .reduce((sum, path) => sum + statSync(path).size, 0);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

function spread(values: readonly number[], text: (value: number) => string): string {
  return `${text(quantile(values, 0.5))} (${text(Math.min(...values))}, ${text(Math.max(...values))})`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
