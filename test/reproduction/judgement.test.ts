import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  heldOf,
  isAbove,
  isAsLarge,
  isNegative,
  isPositive,
  isWithin,
  type Judged,
  type Outcome,
  verdictOf,
} from "../../src/reproduction/claims/judgement.ts";

const judged = (...outcomes: Outcome[]): Judged[] =>
  outcomes.map((outcome, at) => ({ place: `place ${at}`, statement: "", outcome }));
const interval = (low: number, high: number) => ({ value: (low + high) / 2, low, high });

describe("outcomes", () => {
  test("are decided by the interval, not by the mean", () => {
    expect([isPositive(interval(0.1, 2)), isPositive(interval(-0.1, 2)), isPositive(interval(-2, -0.1))]).toEqual([
      "holds",
      "open",
      "against",
    ]);
    expect(isNegative(interval(-2, -0.1))).toBe("holds");
    expect([isAbove(interval(0.6, 0.8), 0.5), isAbove(interval(0.2, 0.4), 0.5)]).toEqual(["holds", "against"]);
  });

  test("no effect needs an interval within the margin: a wide one is open, not agreement", () => {
    expect(isWithin(interval(-0.1, 0.2), 0.3)).toBe("holds");
    expect(isWithin(interval(-1, 1), 0.3)).toBe("open");
    expect(isWithin(interval(0.4, 0.9), 0.3)).toBe("against");
    expect(isWithin(interval(Number.NaN, Number.NaN), 0.3)).toBe("open");
  });

  test("a number of the paper: about as large, clearly smaller, of the other sign, undecided", () => {
    expect(isAsLarge(interval(0.2, 0.35), 0.28)).toBe("holds");
    expect(isAsLarge(interval(0.02, 0.1), 0.28)).toBe("weaker");
    expect(isAsLarge(interval(-0.3, -0.1), 0.28)).toBe("against");
    expect(isAsLarge(interval(0.05, 0.2), 0.28)).toBe("open");
    expect(isAsLarge(interval(0.01, 0.6), 0.28)).toBe("open");
    expect(isAsLarge(interval(-0.3, 0.9), 0.28)).toBe("open");
  });
});

describe("verdicts", () => {
  test.each([
    [["holds", "holds"], "same"],
    [["holds", "weaker"], "weaker"],
    [["holds", "open"], "in part"],
    [["holds", "against"], "inconclusive"],
    [["holds", "holds", "against"], "in part"],
    [["against", "against", "holds"], "contradicted"],
    [["against", "open", "open"], "inconclusive"],
    [["against", "against", "open"], "contradicted"],
    [["against", "against", "open", "open"], "contradicted"],
    [["open", "open"], "inconclusive"],
    [["open", "open", "holds"], "inconclusive"],
    [["unasked"], "cannot be asked here"],
    [["unasked", "holds"], "same"],
    [[], "cannot be asked here"],
  ] as const)("%j: %s", (outcomes, verdict) => {
    expect(verdictOf(judged(...outcomes))).toBe(verdict);
  });

  test("lack of power is neither agreement nor contradiction: only open statements make inconclusive", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<Outcome>("open", "unasked"), { minLength: 1 }), (outcomes) => {
        expect(["inconclusive", "cannot be asked here"]).toContain(verdictOf(judged(...outcomes)));
      }),
    );
  });

  test("say how many statements came out how", () => {
    expect(heldOf(judged("holds", "against", "open", "unasked"))).toBe("1 of 3 hold, 1 against, 1 open");
    expect(heldOf(judged("unasked"))).toBe("not asked");
  });
});
