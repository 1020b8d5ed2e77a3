import { describe, expect, test } from "vitest";
import type { Claim, Verdict } from "../../src/reproduction/claims/claim.ts";
import { judgeClaims } from "../../src/reproduction/claims/claims.ts";
import { type Effects, exampleEvidence, noEffects, paperEffects } from "./example-evidence.ts";

const verdicts = (effects: Effects): Record<string, Verdict> =>
  Object.fromEntries(judgeClaims(exampleEvidence(effects)).map(({ id, verdict }) => [id, verdict]));

const asInPaper = judgeClaims(exampleEvidence(paperEffects));

const claim = (id: string, effects: Effects): Claim =>
  judgeClaims(exampleEvidence(effects)).find((each) => each.id === id) as Claim;

describe("verdicts", () => {
  test("effects as the paper describes them: every claim is the same", () => {
    expect(asInPaper.map(({ id, verdict }) => [id, verdict])).toEqual(asInPaper.map(({ id }) => [id, "same"]));
    expect(asInPaper).toHaveLength(12);
  });

  test("no effects: only the claim that nothing happens to the overall accuracy holds", () => {
    const { "overall-drop-small": overall, ...others } = verdicts(noEffects);
    expect(overall).toBe("same");
    expect(new Set(Object.values(others))).toEqual(new Set(["not the same"]));
  });

  const undone: readonly [what: string, id: string, effects: Partial<Effects>, verdict: Verdict][] = [
    ["predictions near the majority", "prediction", { prediction: 0.18, bestAttribute: 0.2 }, "not the same"],
    ["an ensemble behind a single attribute", "prediction", { bestAttribute: 0.7 }, "in part"],
    ["directions that do what units do", "rotation", { direction: 0.025 }, "not the same"],
    ["as many detectors with either variant", "detectors", { detectors: () => 0.4 }, "not the same"],
    ["units that change six classes", "few-classes", { significant: 6 }, "not the same"],
    ["greedy sets that leave a class alone", "unit-sets", { greedy: () => 0.8 }, "not the same"],
    [
      "greedy sets that leave a class above chance",
      "unit-sets",
      { greedy: (step) => 0.8 - 0.04 * step },
      "not the same",
    ],
    ["drops too noisy to be predicted", "selectivity-overall", { ceiling: 0.2 }, "not the same"],
    ["class drops about as small as overall ones", "class-drop-large", { overall: 0.009 }, "not the same"],
  ];
  test.each(undone)("%s: %s", (_, id, effects, verdict) => {
    expect(claim(id, { ...paperEffects, ...effects }).verdict).toBe(verdict);
  });

  test("a strong negative correlation with the overall drop is no weak one, and stronger than a weaker positive one", () => {
    const found = verdicts({ ...paperEffects, correlation: (drop) => (drop === "overall_drop" ? -0.6 : 0.5) });
    expect(found["selectivity-overall"]).toBe("not the same");
    expect(found["attributes-class"]).toBe("not the same");
  });

  test("one network of a variant that is like the plain ones keeps a claim from being the same", () => {
    const found = verdicts({ ...paperEffects, deviant: true });
    for (const id of ["batch-norm", "dropout-conv5", "dropout-conv4", "detectors"]) expect(found[id]).not.toBe("same");
    expect(found["prediction"]).toBe("same");
  });

  test("a variant that does the opposite is not the same, not even in part", () => {
    const effects = { ...paperEffects, classDrop: () => 0.025 };
    const opposite = exampleEvidence({
      ...effects,
      classDrop: (variant) => (variant === "plain" ? 0.01 : 0.025),
    });
    const found = judgeClaims(opposite).find(({ id }) => id === "batch-norm");
    expect(found?.verdict).toBe("not the same");
  });

  test("most layers only: in part, and the reason names those that fail", () => {
    const found = claim("class-drop-large", {
      ...paperEffects,
      classDrop: (variant, layer) => (layer === "conv2" ? 0.0005 : paperEffects.classDrop(variant, layer)),
    });
    expect(found.verdict).toBe("in part");
    expect(found.held).toBe("6 of 7");
    expect(found.why).toContain("It fails in conv2.");
  });
});

describe("findings", () => {
  test("every claim has numbers, a figure of the paper, and an interval around its values where there is one", () => {
    for (const { findings, where, pictures, tables } of asInPaper) {
      expect(findings.length).toBeGreaterThan(0);
      expect(where).toMatch(/[Ff]igure|Table/);
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
    for (const effects of [paperEffects, noEffects]) {
      for (const { headline, why, rule, intervals } of judgeClaims(exampleEvidence(effects))) {
        expect(`${headline} ${why} ${rule} ${intervals}`).not.toMatch(/NaN|Infinity|undefined/);
      }
    }
  });

  test("a difference between variants is what its means differ by", () => {
    const { findings } = claim("batch-norm", paperEffects);
    const drop = (row: string): number =>
      findings.find((each) => each.row === row && each.column === "mean max class drop")?.value ?? Number.NaN;
    expect(drop("difference, conv5")).toBeCloseTo(drop("batch norm, conv5") - drop("plain, conv5"), 12);
    expect(drop("difference, conv5")).toBeCloseTo(-0.015, 2);
  });
});
