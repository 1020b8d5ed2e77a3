import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeReport } from "../../src/report/write-report.ts";
import { hostileNames, makeLargeRun } from "../report/made-run.ts";
import { describeInBrowser } from "./browser.ts";

let folder: string;
let url: string;
const names = hostileNames(365);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "unitscope-many-"));
  const run = makeLargeRun(join(folder, "run"), { units: 60, classNames: names, imagesPerClass: 3 });
  const report = await writeReport(join(folder, "page"), [{ run, label: "made <i>up</i>", subject: undefined }]);
  url = pathToFileURL(report.index).href;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeInBrowser("a run of 365 classes with hostile names", (browser) => {
  test("every view shows the names as text, wide and narrow, and runs nothing of them", async () => {
    for (const width of [1280, 390]) {
      const { page, complaints } = await browser.page({ width });
      const views = ["overview", "matrix", "units", "unit?unit=3", "class", "class?class=0", "compare"];
      for (const [at, view] of views.entries()) {
        await page.goto(`${url}?${at}#${view}`); // another address, so that it is loaded as by a reader's first visit
        await page.locator("h1:visible").waitFor();
        await page.waitForTimeout(200);
        expect(await page.locator(".failure").allInnerTexts(), view).toEqual([]);
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(over, `${view} at ${width}`).toBeLessThanOrEqual(0);
        expect(await page.locator("main script, main img[src='x'], main i:not([style])").count(), view).toBe(0);
      }
      await page.goto(`${url}#class`);
      await page.locator("table.classes").waitFor();
      const shown = await page.locator("table.classes th a").allTextContents();
      expect(shown).toEqual(names.slice(0, shown.length));
      expect(complaints).toEqual([]);
    }
  });

  test("filters narrow the gallery down, and the address keeps them", async () => {
    const { page } = await browser.page();
    await page.goto(`${url}#units`);
    await page.getByText("60 units of 60").waitFor();
    await page.getByLabel("Silent units").selectOption("only");
    await page.getByText("4 units of 60").waitFor(); // units 0, 17, 34, 51
    await page.reload();
    await page.getByText("4 units of 60").waitFor();
    await page.getByLabel("Silent units").selectOption("");
    await page.getByLabel("Search").fill("unit 59");
    await page.getByText("1 unit of 60").waitFor();
  });
});
