/** The static site as a reader walks through it: from its first page along every link, from disk, without a network. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { buildSite } from "../../site/build-site.ts";
import { writeReport } from "../../src/report/write-report.ts";
import { hostileNames, makeLargeRun } from "../report/made-run.ts";
import { newFolder } from "../runs/example-run.ts";
import { describeInBrowser } from "./browser.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describeInBrowser("the site", (browser) => {
  test("every link leads to a page that opens, and nothing is missing or fetched from elsewhere", async () => {
    const folder = newFolder();
    const run = makeLargeRun(join(folder, "run"), { units: 8, classNames: hostileNames(12), imagesPerClass: 3 });
    const { path: report } = await writeReport(join(folder, "report"), [{ run, label: "made", subject: undefined }]);
    const site = buildSite({ root, report, out: join(folder, "site") });
    expect(site.broken).toEqual([]);

    const { page, complaints } = await browser.page();
    const start = pathToFileURL(join(site.out, "index.html")).href;
    const waiting = [start];
    const visited = new Set<string>();
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      if (visited.has(url)) continue;
      visited.add(url);
      await page.goto(url);
      const { links, pictures } = await page.evaluate(() => ({
        links: [...document.querySelectorAll("a[href]")].map((link) => (link as HTMLAnchorElement).href),
        pictures: [...document.images].map((image) => image.src),
      }));
      const here = [...links, ...pictures].filter((link) => link.startsWith("file:"));
      for (const link of here) {
        const path = fileURLToPath(link.replace(/[?#].*$/, ""));
        expect(existsSync(path) && statSync(path).isFile(), `${url}: ${link}`).toBe(true);
        expect(path.startsWith(site.out), link).toBe(true);
      }
      waiting.push(...links.map((link) => link.replace(/#.*$/, "")).filter((link) => /^file:.*\.html$/.test(link)));
    }
    const pages = site.files.filter((file) => file.endsWith(".html"));
    expect([...visited].map((url) => fileURLToPath(url).slice(site.out.length + 1)).sort()).toEqual(pages.sort());

    const phone = await browser.page({ width: 390 });
    await phone.page.goto(pathToFileURL(join(site.out, "docs/paper.html")).href);
    const table = phone.page.locator(".wide").first();
    const atEnd = await table.evaluate((frame) => {
      frame.scrollLeft = frame.scrollWidth;
      const [page, cell] = [document.documentElement, frame.querySelector("td")?.getBoundingClientRect()];
      const widest = Math.max(...Array.from(frame.querySelectorAll("td"), (each) => each.clientWidth));
      return {
        moved: frame.scrollLeft,
        over: page.scrollWidth - page.clientWidth,
        claim: [cell?.left ?? -1, cell?.right ?? -1],
        besides: widest + (cell?.right ?? 0),
        width: page.clientWidth,
      };
    });
    expect(atEnd.over).toBe(0);
    expect(atEnd.moved).toBeGreaterThan(0);
    expect(atEnd.claim[0]).toBeGreaterThanOrEqual(0); // a row's claim stays in sight, and any column fits beside it
    expect(atEnd.besides).toBeLessThanOrEqual(atEnd.width);

    await page.goto(start);
    await page.getByRole("link", { name: "Explorer", exact: true }).click();
    await page.getByRole("navigation").getByRole("link", { name: "Matrix", exact: true }).click();
    await page.locator(".matrix").waitFor();
    expect(complaints).toEqual([]);
  });
});
