import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { judgeClaims } from "../../src/reproduction/claims/claims.ts";
import type { Controls } from "../../src/reproduction/controls.ts";
import { type PageData, paperPage } from "../../src/reproduction/paper-page.ts";
import { cifar10Study, tinyImageNetStudy } from "../../src/reproduction/studies.ts";
import { noEffects } from "./effects.ts";
import { exampleEvidence } from "./example-evidence.ts";

const agreement = {
  pairs: 96,
  maxClassPearson: 0.91,
  maxClassSpearman: 0.8,
  overallSpearman: 0.5,
  pValue: 0.001,
  sameClass: 0.6,
  sameClassByChance: 0.1,
  sameClassPValue: 0.001,
};
const controls: Controls = {
  network: "alexnet-cifar10",
  images: 2_000,
  methods: {
    pairs: [{ layer: "conv5", methods: ["zero", "mean"], effects: [30, 20], both: 15, ...agreement }],
    layers: [{ layer: "conv5", methods: ["zero", "mean"], effects: [30, 20], surviving: 15 }],
  },
  repair: [{ layer: "conv5", meanDirect: 0.5, meanTotal: -0.00001, effects: 960, repaired: 12, worsened: 3 }],
  seeds: [
    {
      layer: "conv5",
      run: "/some/where/alexnet-cifar10",
      other: "/some/where/alexnet-cifar10-seed2",
      medianCorrelation: 0.53,
      shuffledMedian: 0.04,
      withinClassesMedian: 0.3,
      beyondClasses: Number.NaN,
      ...agreement,
    },
  ],
};

const data: PageData = {
  unitscope: "0.1.0",
  study: { column: "10 classes", images: "CIFAR-10", task: "ten classes apart at 32×32" },
  images: { name: "cifar10:test", count: 10_000, ofEveryClass: 300 },
  networks: [{ name: "alexnet-cifar10", variant: "plain", seed: 1, note: "", accuracy: 0.8244 }],
  missing: ["alexnet-cifar10-seed2", "alexnet-random-cifar10"],
  beside: [],
  trainings: null,
  claims: judgeClaims(exampleEvidence(noEffects)),
  controls,
  elapsedMs: 83_400,
  hardware: { cpu: "Some CPU", cores: 2 },
  isInDocs: true,
  limit: null,
};

describe("the page", () => {
  const page = paperPage(data, "paper");

  test("counts the verdicts and shows contradicted claims as contradicted", () => {
    const failing = data.claims.filter(({ verdict }) => verdict === "contradicted");
    expect(failing.length).toBeGreaterThan(1);
    expect(page).toContain(`${failing.length} contradicted`);
    for (const { title } of failing) {
      const row = page.split("\n").find((line) => line.startsWith(`| [${title}](#`));
      expect(row).toContain("✘ contradicted |");
    }
  });

  test("prints the rules for verdicts, how many networks there are, and a column for every other study", () => {
    expect(page).toContain("- **inconclusive**: ");
    expect(page).toContain(
      "1 of the 3 networks that this page is meant for were there. Missing, and not counted anywhere: `alexnet-cifar10-seed2` and `alexnet-random-cifar10`.",
    );
    const beside = [
      { name: "100 classes", claims: [{ id: "rotation", verdict: "same", headline: "conv5: 1.00" }] },
    ] as const;
    const rows = paperPage({ ...data, beside }, "paper").split("\n");
    expect(rows.find((row) => row.startsWith("| claim |"))).toMatch(/\| 100 classes \|$/);
    expect(rows.find((row) => row.startsWith("| [Units are more class-specific"))).toMatch(/✔ same: conv5: 1.00 \|$/);
  });

  test("says what the findings owe to the replacement, to the seed and to the layers behind", () => {
    expect(page).toContain("| conv5 | zero | mean | 0.91 | 0.80 | 60 | 30 | 20 | 15 |");
    expect(page).toContain("conv5: 15 of the 30 effects of `zero` survive all 2 ways.");
    expect(page).toContain(
      "| conv5 | `alexnet-cifar10` and `alexnet-cifar10-seed2` | 0.53 | 0.04 | 0.30 | – | 0.91 | 60 | 10 |",
    );
    expect(page).toContain("| conv5 | 0.500 | 0.000 | 960 | 12 | 3 |");
    expect(paperPage({ ...data, controls: { ...controls, seeds: [] } }, "paper")).not.toContain("another network\n");
  });

  test("writes numbers in their units, with intervals", () => {
    const finding = { row: "a", column: "x", value: 0.0123, low: -0.00001, high: 0.02, unit: "points" } as const;
    const small = { row: "a", column: "p", value: 0.00042, low: null, high: null, unit: "probability" } as const;
    const share = { row: "b", column: "s", value: 0.5, low: 0.25, high: 0.75, unit: "percent" } as const;
    const claims = [{ ...data.claims[0], findings: [finding, small, share] }] as PageData["claims"];
    const rows = paperPage({ ...data, claims }, "paper").split("\n");
    expect(rows).toContain("| | x, points | p | s, % |");
    expect(rows).toContain("| a | 1.23 (−0.001 to 2.00) | 4 · 10⁻⁴ |  |");
    expect(rows).toContain("| b |  |  | 50.0 (25.0 to 75.0) |");
  });

  test("says when only a part of the images was used", () => {
    expect(page).not.toContain("quick look");
    expect(paperPage({ ...data, limit: 20 }, "paper")).toContain("only the first 20 images of every class");
  });

  test("links to other documents only where they are, and to folders of any name", () => {
    expect(page).toContain("[how](training.md)");
    const elsewhere = paperPage({ ...data, isInDocs: false }, "my paper (1)");
    expect(elsewhere).not.toContain("](training.md)");
    expect(elsewhere).toContain("](my%20paper%20%281%29/figures/");
  });

  test("is the same from its JSON", () => {
    expect(paperPage(JSON.parse(JSON.stringify(data)) as PageData, "paper")).toBe(page);
  });
});

const docs = fileURLToPath(new URL("../../docs", import.meta.url));

describe.each([
  { folder: "paper", study: cifar10Study, images: 10_000, networks: 6 },
  { folder: "paper-100-classes", study: tinyImageNetStudy, images: 20_000, networks: 9 },
])("the reproduction that is shown in docs: $folder", ({ folder, study, images, networks }) => {
  const shown = JSON.parse(readFileSync(join(docs, folder, "claims.json"), "utf8")) as PageData;

  test("is the page of its measured numbers, untouched by hand", () => {
    expect(readFileSync(join(docs, `${folder}.md`), "utf8")).toBe(paperPage(shown, folder));
  });

  test("its claims, rules and words for the paper are those of today's program", () => {
    const wording = ({ id, title, where, paper, numbers, rule }: PageData["claims"][number]): string[] => [
      id,
      title,
      where,
      paper,
      numbers,
      rule,
    ];
    expect(shown.claims.map(wording)).toEqual(judgeClaims(exampleEvidence(noEffects)).map(wording));
  });

  test("used every image and the study's networks, and all files that it names are there", () => {
    expect(shown.limit).toBeNull();
    expect(shown.images.count).toBe(images);
    const meant = study.networks.map(({ name }) => name);
    const used = shown.networks.map(({ name }) => name);
    expect(meant).toEqual(expect.arrayContaining(used));
    expect([...used, ...shown.missing].sort()).toEqual(meant.sort());
    expect(used.length).toBeGreaterThanOrEqual(networks);
    expect(shown.trainings?.file).toBe("training.svg");
    for (const { pictures, tables } of shown.claims) {
      for (const { file } of pictures) expect(existsSync(join(docs, folder, "figures", file)), file).toBe(true);
      for (const file of tables) expect(existsSync(join(docs, folder, "tables", file)), file).toBe(true);
    }
  });

  test("stands beside the other study, claim by claim", () => {
    const others = [cifar10Study, tinyImageNetStudy].filter(({ id }) => id !== study.id).map(({ column }) => column);
    expect(shown.beside.map(({ name }) => name)).toEqual(others);
    expect(shown.beside[0]?.claims.map(({ id }) => id)).toEqual(shown.claims.map(({ id }) => id));
  });

  test("shows figure 9 of all variants", () => {
    for (const layer of ["conv4", "conv5"]) {
      const figure = readFileSync(join(docs, folder, "figures", `detectors-${layer}.svg`), "utf8");
      for (const variant of ["plain", "batch norm", "channel dropout"]) expect(figure).toContain(variant);
    }
  });

  test("shows images only where their terms allow it", () => {
    const withImages = readdirSync(join(docs, folder, "figures")).filter((file) =>
      readFileSync(join(docs, folder, "figures", file), "utf8").includes("<image"),
    );
    expect(withImages.length > 0).toBe(study.showsImages);
  });

  test("shows no figure or table that no claim and no control names", () => {
    const named = (pick: (claim: PageData["claims"][number]) => string[]): Set<string> =>
      new Set(shown.claims.flatMap(pick));
    const figures = named(({ pictures }) => pictures.map(({ file }) => file)).add("training.svg");
    expect(new Set(readdirSync(join(docs, folder, "figures")))).toEqual(figures);
    expect(new Set(readdirSync(join(docs, folder, "tables")))).toEqual(
      named(({ tables }) => [...tables])
        .add("methods.csv")
        .add("matches.csv"),
    );
  });

  test("the networks' accuracies are those of their training logs, but for the images that were left out", () => {
    for (const { name, accuracy } of shown.networks) {
      const isMeasuredWhole = shown.images.ofEveryClass === null || name === study.mainNetwork;
      const log = fileURLToPath(new URL(`../../models/${name}.log.json`, import.meta.url));
      expect((JSON.parse(readFileSync(log, "utf8")) as { accuracy: number }).accuracy).toBeCloseTo(
        accuracy,
        isMeasuredWhole ? 3 : 1,
      );
    }
  });
});
