import { describe, expect, test } from "vitest";
import { judgeClaim, judgeClaims } from "../../src/reproduction/claims/claims.ts";
import type { ControlledClaim } from "../../src/reproduction/claims/control.ts";
import type { Verdict } from "../../src/reproduction/claims/judgement.ts";
import { type ClaimId, claimIds } from "../../src/reproduction/claims/rules.ts";
import { comparedLayers } from "../../src/reproduction/studies.ts";
import { integers, type Table } from "../../src/tables/table.ts";
import { type Effects, noEffects, paperEffects } from "./effects.ts";
import { atLayers, exampleEvidence } from "./example-evidence.ts";

const asInPaper = judgeClaims(exampleEvidence(paperEffects));
const withoutEffects = judgeClaims(exampleEvidence(noEffects));

const claim = (id: ClaimId, effects: Partial<Effects>): ControlledClaim =>
  judgeClaim(id, exampleEvidence({ ...paperEffects, ...effects }));

describe("verdicts", { timeout: 60_000 }, () => {
  test("effects as the paper describes them: every claim is the same", () => {
    expect(asInPaper.map(({ id, verdict }) => [id, verdict])).toEqual(claimIds.map((id) => [id, "same"]));
  });

  test("no effects: only the claims that nothing happens to the overall accuracy hold", () => {
    const verdicts = withoutEffects.map(({ id, verdict }): [string, Verdict] => [id, verdict]);
    const { "overall-drop-small": overall, ...others } = Object.fromEntries(verdicts);
    expect(overall).toBe("same");
    expect(Object.values(others)).not.toContain("same");
    expect(Object.values(others)).not.toContain("in part");
  });

  const undone: readonly [what: string, id: ClaimId, effects: Partial<Effects>, verdict: Verdict][] = [
    ["predictions near the majority", "prediction", { prediction: 0.18, bestAttribute: 0.2 }, "inconclusive"],
    [
      "an ensemble behind the best attribute",
      "prediction-order",
      { prediction: 0.4, bestAttribute: 0.6 },
      "inconclusive",
    ],
    [
      "an ensemble that does no better than the best attribute",
      "prediction-order",
      { prediction: 0.6, bestAttribute: 0.6 },
      "in part",
    ],
    ["directions that do what units do", "rotation", { direction: 0.025 }, "inconclusive"],
    ["directions that do more than units", "rotation", { direction: 0.04 }, "contradicted"],
    ["as many detectors with either variant", "detectors", { detectors: () => 0.4 }, "inconclusive"],
    [
      "more detectors with either variant",
      "detectors",
      { detectors: (variant) => (variant === "plain" ? 0.1 : 0.5) },
      "contradicted",
    ],
    ["classes no more alike than by chance", "alike-classes", { alike: 0 }, "inconclusive"],
    ["classes less alike than by chance", "alike-classes", { alike: -2 }, "contradicted"],
    ["units that hurt forty of a hundred classes", "few-classes", { significant: 40 }, "contradicted"],
    ["few classes for want of power", "few-classes", { detectable: 0.05, sharper: 40 }, "inconclusive"],
    ["few classes by log-probability too", "few-classes", { detectable: 0.05, sharper: 20 }, "same"],
    ["greedy sets that leave a class alone", "unit-sets", { greedy: () => 0.8 }, "contradicted"],
    ["greedy sets that are half as strong", "unit-sets", { greedy: (step) => 0.8 - 0.02 * step }, "inconclusive"],
    ["drops too noisy to be predicted", "selectivity-poor", { ceiling: 0.2 }, "inconclusive"],
    ["class drops about as small as overall ones", "class-drop-large", { overall: 0.03, specific: 0 }, "contradicted"],
    [
      "correlations with the class drop that are there but weak",
      "attributes-class",
      {
        correlation: (drop, attribute) =>
          drop === "max_class_drop" ? (attribute === "concept_iou" ? 0.1 : 0.2) : attribute === "l1_norm" ? 0.1 : -0.1,
      },
      "weaker",
    ],
    [
      "dropout that spreads by less than half",
      "dropout-conv5",
      { classDrop: (variant, layer) => (variant === "plain" ? 0.025 : paperEffects.classDrop(variant, layer) * 2) },
      "weaker",
    ],
    [
      "units some of which cost about a point",
      "overall-drop-small",
      { overall: 0.009, imageNoise: 0.05 },
      "inconclusive",
    ],
    ["smaller drops of the most damaging units", "class-drop-size", { classDrop: () => 0.005 }, "weaker"],
    ["images that do not decide", "overall-drop-small", { imageNoise: 2 }, "inconclusive"],
    ["a large overall drop", "overall-drop-small", { overall: 0.05 }, "contradicted"],
  ];
  test.each(undone)("%s: %s", (_, id, effects, verdict) => {
    expect(claim(id, effects).verdict).toBe(verdict);
  });

  test("correlations of the other sign contradict the paper; weak ones of either sign are poor predictors", () => {
    const other: Partial<Effects> = {
      correlation: (drop, attribute) => (drop !== "max_class_drop" ? (attribute === "l1_norm" ? -0.2 : 0.2) : 0.5),
    };
    expect(claim("selectivity-overall", other).verdict).toBe("contradicted");
    // The sign hangs on a unit's own class: not decided.
    const own: Partial<Effects> = {
      correlation: (drop, attribute) => (drop === "overall_drop" ? 0.2 : attribute === "l1_norm" ? 0.2 : -0.2),
    };
    expect(claim("selectivity-overall", own).judged.map(({ outcome }) => outcome)).toEqual([
      "open",
      "open",
      "open",
      "holds",
    ]);
    expect(claim("selectivity-poor", other).verdict).toBe("same");
    const strong: Partial<Effects> = { correlation: (drop) => (drop === "overall_drop" ? -0.6 : 0.5) };
    expect(claim("selectivity-poor", strong).verdict).toBe("contradicted");
    expect(claim("attributes-class", strong).verdict).not.toBe("same");
  });

  test("networks that lie far apart leave a difference open, and a variant that does the opposite contradicts", () => {
    const opposite: Partial<Effects> = { classDrop: (variant) => (variant === "plain" ? 0.01 : 0.025) };
    for (const id of ["batch-norm", "dropout-conv4"] as const)
      expect(claim(id, { networkNoise: 1.5 }).verdict).toBe("inconclusive");
    for (const id of ["batch-norm", "dropout-conv5"] as const) expect(claim(id, opposite).verdict).toBe("contradicted");
  });

  test("variants without networks, or with one, are not judged", () => {
    const evidence = exampleEvidence(paperEffects);
    const without = {
      ...evidence,
      networks: evidence.networks.filter(
        ({ variant, seed }) => variant !== "batch norm" && (variant !== "channel dropout" || seed === 1),
      ),
    };
    expect(
      (["batch-norm", "dropout-conv5", "detectors"] as const).map((id) => judgeClaim(id, without).verdict),
    ).toEqual(["cannot be asked here", "inconclusive", "inconclusive"]);
  });

  test("what networks that learned nothing show as well, and as strongly, is said to be so", () => {
    const of = (id: ClaimId, untrained: Partial<Effects>) => claim(id, { untrained }).control;
    // As many greedy points, prediction as good: the same verdict without learning, and no difference.
    expect(of("unit-sets", {})).toMatchObject({ verdict: "same", outcome: "open" });
    expect(of("prediction", {})).toMatchObject({ verdict: "same", outcome: "open" });
    // More of it without learning.
    // Stronger sets, but random ones cost no more: not all numbers tell the networks apart.
    expect(of("unit-sets", { greedy: (step) => Math.max(0, 0.8 - 0.07 * step) })).toMatchObject({ outcome: "open" });
    // More points, but fewer beside the overall drop.
    expect(of("class-drop-large", { classDrop: () => 0.06, overall: 0.02 })).toMatchObject({ outcome: "mixed" });
    expect(of("class-drop-large", { classDrop: () => 0.06, overall: 0.001 })).toMatchObject({ outcome: "against" });
    // Only with learning.
    expect(of("prediction", { prediction: 0.2, bestAttribute: 0.15 })).toMatchObject({
      verdict: "contradicted",
      outcome: "holds",
    });
    expect(of("rotation", { direction: 0.02 })).toMatchObject({ verdict: "contradicted", outcome: "holds" });
    // There is no batch norm and no dropout in networks that learned nothing.
    for (const id of ["batch-norm", "dropout-conv5", "dropout-conv4", "detectors"] as const)
      expect(of(id, {})).toBeNull();
    expect(of("class-drop-size", { classDrop: () => 0.005 })).toMatchObject({ verdict: "weaker", outcome: "holds" });
  });

  test("a control is asked of untrained networks alone, at the layers that they share", () => {
    const evidence = exampleEvidence(noEffects);
    const networks = evidence.networks.filter(({ variant }) => variant !== "random convolutions");
    const untrained = evidence.networks
      .filter(({ variant }) => variant === "random convolutions")
      .map((network) => atLayers(network, comparedLayers));
    const { control } = judgeClaim("overall-drop-small", { ...evidence, networks: [...networks, ...untrained] });
    expect(control?.held).toMatch(/of 2 hold/);
  });

  test("a control's numbers are those of both kinds of network, and its difference theirs", () => {
    const { control } = claim("overall-drop-small", { untrained: { overall: 0.02 } });
    const [trained, untrained, difference] = control?.findings.map(({ value }) => value) ?? [];
    expect([trained, untrained]).toEqual([expect.closeTo(0.001, 4), expect.closeTo(0.02, 2)]);
    expect(difference).toBeCloseTo((trained ?? 0) - (untrained ?? 0), 12);
  });

  test("without such networks no control is made up, and with one of them numbers have no interval over networks", () => {
    const evidence = exampleEvidence(paperEffects);
    const others = evidence.networks.filter(({ variant }) => variant !== "random convolutions");
    expect(
      judgeClaims({ ...evidence, networks: others, untrainedPredictions: null }).every(({ control }) => !control),
    ).toBe(true);
    const [first] = evidence.networks.filter(({ variant }) => variant === "random convolutions");
    const one = { ...evidence, networks: [...others, ...(first ? [first] : [])] };
    const control = (id: ClaimId) => judgeClaim(id, { ...one, untrainedPredictions: null }).control;
    for (const id of ["few-classes", "class-drop-large", "unit-sets"] as const)
      expect(control(id)?.outcome).toBe("open");
    expect(control("prediction")).toMatchObject({ verdict: "cannot be asked here", outcome: "unasked" });
  });

  test("a layer where hardly any effect is found is neither a few classes nor many", () => {
    const evidence = exampleEvidence(paperEffects);
    const weak = (units: Table): Table => {
      const hurt = Int32Array.from(integers(units, "hurt_classes"), (_, unit) => (unit % 8 === 0 ? 2 : 0));
      return { ...units, columns: { ...units.columns, hurt_classes: hurt } };
    };
    const networks = evidence.networks.map((each) =>
      each.variant === "ResNet-18" ? { ...each, units: weak(each.units) } : each,
    );
    const { judged, verdict } = judgeClaim("few-classes", { ...evidence, networks });
    const resnet = judged.filter(({ place }) => place.startsWith("ResNet-18"));
    expect(resnet.map(({ outcome }) => outcome)).toEqual(["open", "open"]);
    expect(verdict).toBe("in part");
  });

  test("most layers only: in part, and the reason names those that fail", () => {
    const found = claim("class-drop-large", {
      classDrop: (variant, layer) => (layer === "conv2" ? 0.0005 : paperEffects.classDrop(variant, layer)),
      imageNoise: 0.005,
    });
    expect(found.verdict).toBe("in part");
    expect(found.why).toContain("Against: conv2 (a).");
  });
});

describe("findings", () => {
  test("every claim has numbers, a figure of the paper, and an interval around its values where there is one", () => {
    for (const { findings, where, pictures, tables } of asInPaper) {
      expect(findings.length).toBeGreaterThan(0);
      expect(where).toMatch(/[Ff]igure|Table|[Ss]ection/);
      expect(pictures.length).toBeGreaterThan(0);
      expect(tables.length).toBeGreaterThan(0);
      for (const { value, low, high } of findings) {
        expect(Number.isFinite(value)).toBe(true);
        if (low !== null) expect(low).toBeLessThanOrEqual(value);
        if (high !== null) expect(high).toBeGreaterThanOrEqual(value);
      }
    }
  });

  test("no text has a number that is none", () => {
    for (const { headline, why, rule, intervals } of [...asInPaper, ...withoutEffects]) {
      expect(`${headline} ${why} ${rule} ${intervals}`).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  test("a difference between variants is what its means differ by", () => {
    const { findings } = claim("batch-norm", {});
    const drop = (row: string): number =>
      findings.find((each) => each.row === row && each.column === "without the luck of choosing")?.value ?? Number.NaN;
    expect(drop("difference, conv5")).toBeCloseTo(drop("batch norm, conv5") - drop("plain, conv5"), 12);
    expect(drop("difference, conv5")).toBeCloseTo(-0.012, 2);
  });
});

describe("a main network that was measured on more images than the others", () => {
  const evidence = exampleEvidence(paperEffects);
  const main = { ...evidence.main, imageCount: 4 * evidence.main.imageCount };
  const places = (id: ClaimId, found = { ...evidence, main }): string[] => [
    ...new Set(judgeClaim(id, found).judged.map(({ place }) => place)),
  ];

  test("is asked at the compared layers by itself, on all of them, and together with the others", () => {
    for (const id of ["overall-drop-small", "class-drop-large"] as const) {
      const usual = places(id, evidence);
      expect(usual).not.toContain("conv5 (1 network, all images)");
      const own = ["conv4 (1 network, all images)", "conv5 (1 network, all images)"];
      expect(places(id).sort()).toEqual([...usual, ...own].sort());
      expect(judgeClaim(id, { ...evidence, main }).headline).toBe(judgeClaim(id, evidence).headline);
    }
  });

  test("may not be mixed with them: an interval over different images would be none", () => {
    const [first, ...others] = evidence.networks;
    const longer = new Map(
      [...(first?.parts ?? [])].map(([layer, { overall, ofClass }]) => [
        layer,
        { overall: Float64Array.of(...overall, 0), ofClass: Float64Array.of(...ofClass, 0) },
      ]),
    );
    const mixed = { ...evidence, networks: [...others, { ...first, parts: longer } as (typeof others)[number]] };
    expect(() => judgeClaim("overall-drop-small", mixed)).toThrow(
      /internal: networks at conv\d: expected the same \d+ images for all, got \d+/,
    );
  });
});
