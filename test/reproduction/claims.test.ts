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
    const found = verdicts(paperEffects);
    expect(Object.keys(found)).toHaveLength(12);
    expect(new Set(Object.values(found))).toEqual(new Set(["same"]));
  });

  test("no effects: no claim passes whole, and those about effects fail", () => {
    const found = verdicts(noEffects);
    expect(Object.values(found)).not.toContain("same");
    for (const id of ["class-drop-large", "rotation", "prediction", "batch-norm", "dropout-conv4", "detectors"]) {
      expect([id, found[id]]).toEqual([id, "not the same"]);
    }
  });

  test("one effect undone fails its claim and no other", () => {
    const undone: readonly [id: string, effects: Partial<Effects>][] = [
      ["prediction", { prediction: 0.18 }],
      ["rotation", { direction: 0.025 }],
      ["detectors", { detectors: () => 0.4 }],
      ["selectivity-overall", { correlation: (drop) => (drop === "overall_drop" ? -0.6 : 0.5) }],
      ["few-classes", { significant: 6 }],
    ];
    for (const [id, effects] of undone) {
      const failed = Object.entries(verdicts({ ...paperEffects, ...effects })).filter(([, each]) => each !== "same");
      expect(failed).toEqual([[id, "not the same"]]);
    }
  });

  test("some layers only: in part, and the reason names those that fail", () => {
    const found = claim("class-drop-large", {
      ...paperEffects,
      classDrop: (variant, layer) => (layer === "conv2" ? 0.0005 : paperEffects.classDrop(variant, layer)),
    });
    expect(found.verdict).toBe("in part");
    expect(found.why).toContain("conv2");
    expect(found.why).not.toContain("conv3");
  });

  test("sets that leave a class above chance are no wipe-out, though random sets spare it", () => {
    const found = claim("unit-sets", { ...paperEffects, greedy: (step) => 0.8 - 0.04 * step });
    expect(found.verdict).toBe("in part");
    expect(
      found.findings.find(({ row, column }) => row === "conv5" && column === "15 greedy units")?.value,
    ).toBeCloseTo(0.2);
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

  test("a difference between variants is what its means differ by", () => {
    const { findings } = claim("batch-norm", paperEffects);
    const drop = (row: string): number =>
      findings.find((each) => each.row === row && each.column === "mean max class drop")?.value ?? Number.NaN;
    expect(drop("difference, conv5")).toBeCloseTo(drop("batch norm, conv5") - drop("plain, conv5"), 12);
    expect(drop("difference, conv5")).toBeCloseTo(-0.015, 2);
  });
});
