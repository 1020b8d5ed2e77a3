import { expect, test } from "vitest";
import { planSteps } from "../../src/reproduction/plan.ts";
import type { Step } from "../../src/reproduction/steps.ts";
import { cifar10Study, studies, tinyImageNetStudy } from "../../src/reproduction/studies.ts";

const all = Object.values(studies);

function runsOf(step: Step): string[] {
  if (!("runs" in step)) return [step.run];
  return step.runs.map((each) => (typeof each === "string" ? each : each.run));
}

test.each(all)("every step of $id has a title of its own", (study) => {
  const titles = planSteps(study).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});

test.each(all)("a step of $id reads only runs that an earlier step has ablated", (study) => {
  const there = new Set<string>();
  for (const step of planSteps(study)) {
    if (step.kind === "ablate") there.add(step.run);
    expect([...there]).toEqual(expect.arrayContaining(runsOf(step)));
  }
});

test("classes are predicted across the five plain networks, and variants are compared without ResNet-18", () => {
  const { networks } = cifar10Study;
  const steps = planSteps(cifar10Study);
  const predict = steps.find((step) => step.kind === "predict" && step.out === "predict");
  const plain = networks
    .filter(({ variant }) => variant === "plain")
    .map(({ name }) => (name === cifar10Study.mainNetwork ? `${name}-compared` : name));
  expect(plain).toHaveLength(5);
  expect(predict).toMatchObject({ runs: plain, train: 3 });
  const others = steps.filter((step) => step.kind === "predict" && step !== predict);
  expect(others).toMatchObject([{ train: 2, out: "predict-random" }]);
  const compare = steps.find(({ kind }) => kind === "compare");
  expect(compare && runsOf(compare)).not.toContain("resnet18-cifar10");
});

test("a limit reaches every ablation, and networks but the main one never see more than theirs", () => {
  const limits = (limit?: number): (number | undefined)[] =>
    planSteps(cifar10Study, { limit }).flatMap((step) => (step.kind === "ablate" ? [step.limit] : []));
  expect(new Set(limits(7))).toEqual(new Set([7]));
  expect(Math.max(...limits(500).map(Number))).toBe(500);
  const { comparedLimit } = cifar10Study;
  expect(limits(500)).toContain(comparedLimit);
  expect(limits()).toContain(comparedLimit);
});

test.each(all)("only the main network of $id sees every image", (study) => {
  const ablations = planSteps(study).flatMap((step) => (step.kind === "ablate" ? [step] : []));
  const whole = ablations.filter(({ limit }) => limit === undefined);
  expect(new Set(whole.map(({ network }) => network))).toEqual(new Set([study.mainNetwork]));
  expect(ablations.find(({ run }) => run === `${study.mainNetwork}-seed2`)?.limit).toBe(study.comparedLimit);
});

test("with fewer plain networks, classes are predicted from all but one", () => {
  const networks = tinyImageNetStudy.networks.filter(({ variant, seed }) => variant === "plain" && seed <= 2);
  const predict = planSteps(tinyImageNetStudy, { networks }).find(({ kind }) => kind === "predict");
  expect(predict).toMatchObject({ train: 1 });
});

test("with a hundred classes, some of them are asked for their unit sets", () => {
  const asked = (steps: readonly Step[]): (readonly string[] | undefined)[] =>
    steps.flatMap((step) => (step.kind === "sets" ? [step.options.classes] : []));
  expect(new Set(asked(planSteps(cifar10Study)))).toEqual(new Set([undefined]));
  const counts = asked(planSteps(tinyImageNetStudy)).map((classes) => classes?.length);
  expect(new Set(counts)).toEqual(new Set([20]));
});

test("the main network's units are removed in four ways on the same images, and compared", () => {
  const steps = planSteps(cifar10Study);
  const compare = steps.find((step) => step.kind === "compare" && step.out === "compare-methods");
  const runs = compare ? runsOf(compare) : [];
  const ablations = steps.flatMap((step) => (step.kind === "ablate" && runs.includes(step.run) ? [step] : []));
  expect(ablations.map(({ method = "zero" }) => method)).toEqual(["zero", "mean", "resample", "optimal"]);
  expect(new Set(ablations.map(({ limit }) => limit))).toEqual(new Set([cifar10Study.controlLimit]));
});

test.each(all)("networks of $id are compared on the same images, the main one too", (study) => {
  const steps = planSteps(study);
  const groups = steps.flatMap((step) => {
    if (step.kind === "predict") return step.out === "predict" ? [step.runs] : [];
    return step.kind === "compare" && step.out !== "compare-methods" ? [runsOf(step)] : [];
  });
  expect(groups).toHaveLength(3);
  const ablations = new Map(steps.flatMap((step) => (step.kind === "ablate" ? [[step.run, step]] : [])));
  for (const runs of groups) {
    expect(runs[0]).toBe(`${study.mainNetwork}-compared`);
    expect(ablations.get(runs[0] ?? "")?.network).toBe(study.mainNetwork);
    for (const run of runs) expect(ablations.get(run)?.limit, run).toBe(study.comparedLimit);
  }
});
