import { expect, test } from "vitest";
import { networks } from "../../src/reproduction/networks.ts";
import { lowerLimit, planSteps, type Step } from "../../src/reproduction/plan.ts";

function runsOf(step: Step): string[] {
  if (!("runs" in step)) return [step.run];
  return step.runs.map((each) => (typeof each === "string" ? each : each.run));
}

test("every step has a title of its own", () => {
  const titles = planSteps().map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});

test("a step reads only runs that an earlier step has ablated", () => {
  const there = new Set<string>();
  for (const step of planSteps()) {
    if (step.kind === "ablate") there.add(step.run);
    expect([...there]).toEqual(expect.arrayContaining(runsOf(step)));
  }
});

test("classes are predicted across the five plain networks, and variants are compared without ResNet-18", () => {
  const steps = planSteps();
  const predict = steps.find((step) => step.kind === "predict" && step.out === "predict");
  const plain = networks.filter(({ variant }) => variant === "plain").map(({ name }) => name);
  expect(plain).toHaveLength(5);
  expect(predict).toMatchObject({ runs: plain, train: 3 });
  const others = steps.filter((step) => step.kind === "predict" && step !== predict);
  expect(others).toMatchObject([{ train: 2, out: "predict-random" }]);
  const compare = steps.find(({ kind }) => kind === "compare");
  expect(compare && runsOf(compare)).not.toContain("resnet18-cifar10");
});

test("a limit reaches every ablation, and the lower layers never see more than theirs", () => {
  const limits = (limit?: number): (number | undefined)[] =>
    planSteps({ limit }).flatMap((step) => (step.kind === "ablate" ? [step.limit] : []));
  expect(new Set(limits(7))).toEqual(new Set([7]));
  expect(Math.max(...limits(500).map(Number))).toBe(500);
  expect(limits(500)).toContain(lowerLimit);
  expect(limits()).toContain(lowerLimit);
});
