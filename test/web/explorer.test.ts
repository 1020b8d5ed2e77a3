import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPlainRoute, openReference } from "../../src/ablation/plain-route.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { reopenSubject } from "../../src/commands/subject.ts";
import { blockSource } from "../../src/passes/image-block.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { integers, rowsWhere } from "../../src/tables/table.ts";
import { serveFolder } from "../../src/view/serve-folder.ts";
import { describeInBrowser } from "./browser.ts";
import { type LiveRun, liveClasses, makeLiveRun } from "./live-run.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const views = ["overview", "matrix", "units", "unit", "class", "class?class=3", "image", "compare"];

declare const unitscopeExplorer: {
  logits(image: number, removed?: Record<string, number[]>): Promise<number[]>;
  flips(image: number, layer: string): Promise<{ flips: { unit: number; prediction: number }[]; logits: number[] }>;
};

let made: LiveRun;
beforeAll(async () => {
  made = await makeLiveRun();
});
afterAll(() => made?.remove());

/** Opens a view and waits until it stands. */
async function open(page: Page, hash: string): Promise<void> {
  await page.goto(`${made.url}#${hash}`);
  await settle(page);
}

/** Until nothing is loading or being computed any more, and what came of it has been drawn. */
async function settle(page: Page): Promise<void> {
  const drawn = (): Promise<void> =>
    page.evaluate(
      () =>
        new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => done()), 40))),
    );
  await page.waitForFunction(() => document.querySelector(".bar") !== null);
  await drawn();
  await page.waitForFunction(
    () => document.querySelector("h1:not([hidden])") !== null && document.querySelector("[aria-busy=true]") === null,
  );
  await drawn();
}

/** What axe finds on the page; `rules` asks some alone. */
const graveOnes = async (page: Page, rules?: readonly string[]): Promise<string[]> => {
  await page.evaluate(`void (globalThis.axe ?? (() => {${axe}\n})())`);
  return await page.evaluate(async (runOnly) => {
    const { violations } = await (
      globalThis as unknown as {
        axe: {
          run(options: {
            preload: boolean;
            runOnly?: readonly string[];
          }): Promise<{ violations: { impact: string; id: string; nodes: { html: string }[] }[] }>;
        };
      }
    ).axe.run({ preload: false, ...(runOnly && { runOnly }) });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(({ html }) => html.slice(0, 160))
            .join(" | ")}`,
      );
  }, rules);
};
/** The rules of axe that look at colours: of the same elements, the others find the same in the dark. */
const ofColours = ["color-contrast", "link-in-text-block"];
/** All elements with what the other rules look at. */
const elementsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll("body *")].map((element) => {
      const names = ["role", "tabindex", "alt", "aria-label", "aria-hidden", "type", "lang"];
      return [element.localName, ...names.map((name) => element.getAttribute(name) ?? "")].join(" ");
    }),
  );

describeInBrowser("the explorer, opened from disk", (browser) => {
  test("the first screen is read without scripts, and its names are text", async () => {
    const { page, complaints } = await browser.page({ javaScriptEnabled: false });
    await page.goto(made.url);
    const text = await page.innerText("body");
    expect(text).toContain("What was found");
    expect(text).toMatch(/gets \d+\.\d % of 40 images/);
    expect(text).toContain("unitscope ablate alexnet-cifar10.onnx");
    expect(await page.locator("figure img").count()).toBeGreaterThan(1);
    expect(complaints).toEqual([]);
  });

  test("every view opens, is reached by links, and axe finds nothing serious, light and dark", async () => {
    const inTheLight = new Map<string, string[]>();
    for (const colorScheme of ["light", "dark"] as const) {
      const { page, complaints } = await browser.page({ colorScheme });
      for (const view of views) {
        await open(page, view);
        expect(await page.locator("h1:visible").count(), view).toBe(1);
        expect(await page.locator(".failure").allInnerTexts(), view).toEqual([]);
        const isLight = colorScheme === "light";
        if (isLight) inTheLight.set(view, await elementsOf(page));
        else expect(await elementsOf(page), view).toEqual(inTheLight.get(view));
        expect(await graveOnes(page, isLight ? undefined : ofColours), `${view}, ${colorScheme}`).toEqual([]);
      }
      await open(page, "overview");
      for (const name of ["Matrix", "Units", "Classes", "Live", "Compare", "Overview"]) {
        await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
        await settle(page);
      }
      expect(complaints).toEqual([]);
    }
  });

  test("phone width: nothing is wider than the page", async () => {
    const { page } = await browser.page({ width: 390 });
    for (const view of views) {
      await open(page, view);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(over, view).toBeLessThanOrEqual(0);
    }
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll("nav .links a")].flatMap((link) => {
        const frame = link.parentElement?.getBoundingClientRect();
        return link.getBoundingClientRect().right <= (frame?.right ?? 0) ? [] : [link.textContent];
      }),
    );
    expect(cut).toEqual([]);
  });

  test("hostile class names are text everywhere", async () => {
    const { page, complaints } = await browser.page();
    for (const view of ["units", "class", "class?class=0", "matrix", "image"]) {
      await open(page, view);
      const shown = await page.locator("body").innerHTML();
      expect(shown).not.toContain('<img src="x"');
    }
    await open(page, "class");
    await page.locator("table.classes").waitFor();
    expect((await page.locator("table.classes th a").allTextContents()).sort()).toEqual(liveClasses);
    expect(complaints).toEqual([]);
  });

  test("200 (unit, image) pairs: the page's logits are Node's, and what flips is what the run says", async () => {
    const { page, complaints } = await browser.page();
    await open(page, "overview");
    const run = openRun(made.run);
    const subject = await reopenSubject(run);
    const { model } = subject;
    const block = await blockSource(subject.images, subject.preprocessing).read(
      Int32Array.from({ length: 40 }, (_, at) => at),
    );
    const pixels = { count: block.count, imageDims: block.imageDims, data: block.data };
    const reference = openReference(model, switchedTensors(model, []));
    let worst = 0;
    let pairs = 0;
    for (const name of ["conv4", "conv5"]) {
      const layer = model.layers.find((each) => each.name === name);
      const tensor = switchedTensors(model, []).find(({ tap }) => tap === layer?.tap);
      if (!layer || !tensor) throw new Error(name);
      const route = await openPlainRoute(model, tensor, { reference });
      const flips = rowsWhere(await run.readTable("flips"), "layer", name);
      for (const image of [3, 17]) {
        const told = await page.evaluate(([number, of]) => unitscopeExplorer.flips(number, of), [image, name] as const);
        const rows = [...integers(flips, "image").keys()].filter((row) => integers(flips, "image")[row] === image);
        const expected = rows.map((row) => ({
          unit: integers(flips, "unit")[row],
          prediction: integers(flips, "prediction")[row],
        }));
        expect(told.flips).toEqual(expected.sort((a, b) => Number(a.unit) - Number(b.unit)));
        for (let unit = 0; unit < layer.units; unit += name === "conv5" ? 1 : 16) {
          const removal = { tap: layer.tap, units: [unit], replacement: new Float32Array(layer.units) };
          const node = await route.logits(pixels, [image], removal);
          const live = await page.evaluate(([number, of, each]) => unitscopeExplorer.logits(number, { [of]: [each] }), [
            image,
            name,
            unit,
          ] as const);
          node.forEach((logit, cls) => {
            const quick = told.logits[unit * model.classCount + cls] ?? Number.NaN;
            worst = Math.max(worst, Math.abs(logit - (live[cls] ?? Number.NaN)), Math.abs(logit - quick));
          });
          pairs++;
        }
      }
      await route.close();
    }
    await reference.close();
    expect(pairs).toBeGreaterThanOrEqual(200);
    expect(worst).toBeLessThan(1e-4);
    expect(complaints).toEqual([]);
  });

  test("units are removed and put back by clicks, the address says which, and a reload shows the same", async () => {
    const { page, complaints } = await browser.page();
    await open(page, "image?in=conv5");
    const units = page.getByRole("group", { name: /Units of conv5/ }).getByRole("button");
    await units.first().waitFor();
    await units.nth(0).click();
    await units.nth(1).click();
    await page.getByText(/without 2 units/).waitFor();
    expect(page.url()).toMatch(/removed=conv5%3A\d+\.\d+/);
    const before = await page.locator(".probabilities").innerText();
    await page.reload();
    await page.getByText(/without 2 units/).waitFor();
    expect(await page.locator(".probabilities").innerText()).toBe(before);
    await page.goBack();
    await page.getByText(/without 1 unit/).waitFor();
    await page.getByRole("button", { name: "Put all back" }).click();
    await page.getByText("Nothing removed.").waitFor();
    await page.getByRole("button", { name: /would flip it/ }).click();
    await page.getByText(/of 96 would|None of the 96 units/).waitFor();
    expect(complaints).toEqual([]);
  });

  test("an image from disk is preprocessed as the network wants it", async () => {
    const { page, complaints } = await browser.page();
    await open(page, "image");
    await page.locator(".probabilities").waitFor();
    const number = Number(
      await page
        .locator(".picker button[aria-pressed=true]")
        .getAttribute("aria-label")
        .then((label) => /image (\d+)/.exec(label ?? "")?.[1]),
    );
    const before = await page.locator(".probabilities").innerText();
    const name = openRun(made.run);
    const baseline = await name.readTable("baseline");
    const file = String(baseline.columns["name"]?.[number]);
    await page.locator("input[type=file]").setInputFiles(join(made.data, file));
    await page
      .getByText(file.split("/").pop() ?? "", { exact: true })
      .first()
      .waitFor();
    await page.waitForTimeout(400);
    // The same pixels, so the same numbers; the tick of the true class is gone, since the page does not know it.
    const after = await page.locator(".probabilities").innerText();
    const numbers = (text: string): string[] => text.match(/\d+\.\d %/g) ?? [];
    expect(numbers(after)).toEqual(numbers(before));
    expect(complaints).toEqual([]);
  });

  test("all by keyboard: to the matrix, into a unit, and back", async () => {
    const { page, complaints } = await browser.page();
    await open(page, "overview");
    const focused = (): Promise<string> =>
      page.evaluate(() => document.activeElement?.textContent?.trim().slice(0, 40) ?? "");
    for (let presses = 0; presses < 10 && (await focused()) !== "Matrix"; presses++) await page.keyboard.press("Tab");
    expect(await focused()).toBe("Matrix");
    await page.keyboard.press("Enter");
    await page.locator(".matrix").waitFor();
    const role = (): Promise<string | null | undefined> =>
      page.evaluate(() => document.activeElement?.getAttribute("role"));
    for (let presses = 0; presses < 30 && (await role()) !== "application"; presses++) await page.keyboard.press("Tab");
    expect(await role()).toBe("application");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
    expect(await page.locator("p.words").innerText()).toMatch(/Without unit \d+, .*: \d+ of \d+ right images lost/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /Unit \d+/ }).waitFor();
    await page.goBack();
    await page.locator(".matrix").waitFor();
    expect(complaints).toEqual([]);
  });

  test("figures are saved as SVG and numbers as CSV", async () => {
    const { page } = await browser.page();
    await open(page, "unit?unit=3");
    const saved = async (name: string): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
      return readFileSync(await download.path(), "utf8");
    };
    const svg = await saved("Save as SVG: Class drops");
    expect(svg).toMatch(/^<svg/);
    expect(svg).not.toContain("<img");
    const csv = await saved("Save as CSV: Class drops");
    expect(csv.split("\n")[0]).toBe("layer,unit,class,class_name,drop,low,high,lost,gained,q_value");
    expect(csv.trim().split("\n")).toHaveLength(1 + liveClasses.length);
  });
});

describeInBrowser("the explorer, served by view", (browser) => {
  test("runs with its security policy and gives the same answers", async () => {
    const served = await serveFolder(made.report, { port: 0 });
    try {
      const { page, complaints } = await browser.page();
      await page.goto(`${served.url}#image?in=conv5&removed=conv5:1.2`);
      await page.getByText(/without 2 units/).waitFor();
      const there = await page.evaluate(() => unitscopeExplorer.logits(3, { conv5: [1, 2] }));
      const disk = await browser.page();
      await disk.page.goto(made.url);
      await settle(disk.page);
      const here = await disk.page.evaluate(() => unitscopeExplorer.logits(3, { conv5: [1, 2] }));
      there.forEach((logit, cls) => expect(logit).toBeCloseTo(here[cls] ?? Number.NaN, 4));
      expect(complaints).toEqual([]);
    } finally {
      await served.close();
    }
  });
});
