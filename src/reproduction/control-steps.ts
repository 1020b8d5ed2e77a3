/** The controls of all claims: other ways to remove a unit, the layers behind it, other seeds. */
import { compareRuns, controlMethods, methodRun, type Step } from "./steps.ts";
import { comparedLayers, type Study } from "./studies.ts";

/** The smaller of two limits; an absent one limits nothing. */
export function smaller(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** The main network's units removed in other ways, and what the layers behind a removed unit make up for. */
export function methodSteps(study: Study, limit: number | undefined): Step[] {
  const { mainNetwork, controlLimit } = study;
  return [
    ...controlMethods.map(
      (method): Step => ({
        kind: "ablate",
        title: `${mainNetwork}: ablation on fewer images, ${method} in a unit's place`,
        run: methodRun(study, method),
        network: mainNetwork,
        layers: comparedLayers,
        limit: smaller(limit, controlLimit),
        ...(method !== "zero" && { method }),
      }),
    ),
    {
      kind: "repair",
      title: `${mainNetwork}: self-repair behind ${comparedLayers.join(" and ")}`,
      run: methodRun(study, "zero"),
      layers: comparedLayers,
    },
    {
      kind: "compare",
      title: "comparing what replaces a unit",
      runs: controlMethods.map((method) => ({ run: methodRun(study, method), variant: method })),
      out: compareRuns.methods,
    },
  ];
}

/** The units of one plain network in the others: units are matched by their responses to the same images. */
export function seedSteps(plain: readonly string[]): Step[] {
  if (plain.length < 2) return [];
  return [
    {
      kind: "compare",
      title: "matching the units of other seeds",
      runs: plain.map((name) => ({ run: name, variant: name })),
      out: compareRuns.seeds,
      match: true,
    },
  ];
}
