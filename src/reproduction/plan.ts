/** What is run for the reproduction, in order: which network, which experiment, which options. Pure data. */

import type { AblationMethod } from "../ablation/ablation-methods.ts";
import type { SetsRunOptions } from "../commands/measure-sets.ts";
import type { RotationRunOptions } from "../commands/rotate-layers.ts";
import { alexnetLayers, comparedLayers, type ReproductionNetwork, resnetLayers, type Study } from "./studies.ts";

/** One experiment on one run folder, or on all of them. */
export type Step = {
  /** Unique; also what progress shows. */
  readonly title: string;
} & (
  | {
      readonly kind: "ablate";
      readonly run: string;
      readonly network: string;
      readonly layers: readonly string[];
      /** Images of every class; all where absent. */
      readonly limit?: number | undefined;
      /** What stands in a unit's place; 0 where absent. */
      readonly method?: AblationMethod;
    }
  | {
      readonly kind: "attributes";
      readonly run: string;
      /**
       * Layers whose concepts get p-values, which take shuffled masks and random units. A run without any gets no nulls
       * of its other attributes either.
       */
      readonly conceptNulls: readonly string[];
      /** The concept set; with fewer images in a quick look. */
      readonly concepts: string;
      /** Resamples behind the intervals of relations; fewer in a quick look, the command's own number otherwise. */
      readonly resamples?: number | undefined;
    }
  | { readonly kind: "sets"; readonly run: string; readonly options: SetsRunOptions }
  | { readonly kind: "rotate"; readonly run: string; readonly options: RotationRunOptions }
  | { readonly kind: "figures"; readonly run: string }
  | { readonly kind: "repair"; readonly run: string; readonly layers: readonly string[] }
  | {
      readonly kind: "compare";
      readonly runs: readonly { readonly run: string; readonly variant: string }[];
      /** Folder of the result. */
      readonly out: string;
      /** Whether the first run's units are looked for in the others. */
      readonly match?: boolean;
    }
  | {
      readonly kind: "predict";
      readonly runs: readonly string[];
      readonly train: number;
      /** Folder of the result. */
      readonly out: string;
    }
);

/** Run folders besides those that are called after their network. */
export interface SpecialRuns {
  /** The main network's lower layers on fewer images: their sets and rotations cost a whole network each. */
  readonly lower: string;
  /** The main network with unit sets chosen and measured on the same images, as the paper does. */
  readonly paperWay: string;
}

/** A study's run folders besides those that are called after their network. */
export function specialRuns({ mainNetwork }: Study): SpecialRuns {
  return { lower: `${mainNetwork}-lower`, paperWay: `${mainNetwork}-paper-way` };
}

/** Folders of comparisons: the variants of training, the ways to remove a unit, the seeds. */
export const compareRuns = { variants: "compare", methods: "compare-methods", seeds: "compare-seeds" } as const;

/** What stands in a unit's place, to see how much of the findings is due to that. */
export const controlMethods: readonly AblationMethod[] = ["zero", "mean", "resample", "optimal"];

/** The main network's run with one of them, on fewer images. */
export function methodRun({ mainNetwork }: Study, method: AblationMethod): string {
  return `${mainNetwork}-${method}`;
}

/** Folders of predictions across networks. */
export const predictRuns = { plain: "predict", untrained: "predict-random" } as const;

const lowerLayers = alexnetLayers.slice(0, 3);

/** Options that change what is run. */
export interface PlanOptions {
  /** The first so many images of every class, for a quick look; all where absent. */
  readonly limit?: number | undefined;
  /** Those of the study where absent. */
  readonly networks?: readonly ReproductionNetwork[];
}

/** Images of the rendered concept set in a quick look, for every image of a class. */
const quickConceptImages = 30;

/** Resamples of a quick look, whose intervals are wide anyway. */
const quickResamples = 200;

/** Every so manyth class is asked for its unit sets at the lower layers in a quick look: they cost a network each. */
const quickSetsEvery = 5;

/** Indices of every so manyth class; `undefined` for all. */
function everyNth({ classCount }: Study, step: number): string[] | undefined {
  if (step === 1) return undefined;
  return Array.from({ length: Math.ceil(classCount / step) }, (_, at) => String(at * step));
}

/** The name of the concept set; a quick look at `limit` images of every class has a smaller one. */
export function conceptSet(limit: number | undefined): string {
  return limit === undefined ? "builtin" : `builtin:${Math.min(3000, quickConceptImages * limit)}`;
}

/** The steps of the reproduction, each after those whose results it reads. */
export function planSteps(study: Study, { limit, networks = study.networks }: PlanOptions = {}): Step[] {
  const { mainNetwork, comparedLimit } = study;
  const layersOf = ({ name, variant }: ReproductionNetwork): readonly string[] => {
    if (variant === "ResNet-18") return resnetLayers;
    return name === mainNetwork ? alexnetLayers : comparedLayers;
  };
  const compared = networks.filter(({ variant }) => variant !== "ResNet-18" && variant !== "random convolutions");
  const untrained = networks.filter(({ variant }) => variant === "random convolutions").map(({ name }) => name);
  const plain = networks.filter(({ variant }) => variant === "plain").map(({ name }) => name);
  return [
    ...networks.flatMap((network): Step[] => {
      const { name } = network;
      return [
        {
          kind: "ablate",
          title: `${name}: ablation`,
          run: name,
          network: name,
          layers: layersOf(network),
          limit: name === mainNetwork ? limit : smaller(limit, comparedLimit),
        },
        {
          kind: "attributes",
          title: `${name}: attributes and concepts`,
          run: name,
          conceptNulls: name === mainNetwork && limit === undefined ? comparedLayers : [],
          concepts: conceptSet(limit),
          resamples: limit === undefined ? undefined : quickResamples,
        },
      ];
    }),
    ...mainSteps(study, limit),
    ...untrainedSteps(study, untrained),
    ...methodSteps(study, limit),
    {
      kind: "compare",
      title: "comparing variants",
      runs: compared.map(({ name, variant }) => ({ run: name, variant })),
      out: compareRuns.variants,
    },
    ...seedSteps(study, plain),
    {
      kind: "predict",
      title: "predicting classes from attributes",
      runs: plain,
      train: Math.min(3, plain.length - 1),
      out: predictRuns.plain,
    },
  ];
}

/** The smaller of two limits; an absent one limits nothing. */
function smaller(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** The main network's units removed in other ways, and what the layers behind a removed unit make up for. */
function methodSteps(study: Study, limit: number | undefined): Step[] {
  const { mainNetwork, lowerLimit } = study;
  return [
    ...controlMethods.map(
      (method): Step => ({
        kind: "ablate",
        title: `${mainNetwork}: ablation on fewer images, ${method} in a unit's place`,
        run: methodRun(study, method),
        network: mainNetwork,
        layers: comparedLayers,
        limit: smaller(limit, lowerLimit),
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
function seedSteps({ comparedLimit, mainNetwork }: Study, plain: readonly string[]): Step[] {
  const alike = comparedLimit === undefined ? plain : plain.filter((name) => name !== mainNetwork);
  if (alike.length < 2) return [];
  return [
    {
      kind: "compare",
      title: "matching the units of other seeds",
      runs: alike.map((name) => ({ run: name, variant: name })),
      out: compareRuns.seeds,
      match: true,
    },
  ];
}

/** What networks that learned nothing are asked besides their units: the first stands for all in sets and rotations. */
function untrainedSteps(study: Study, names: readonly string[]): Step[] {
  const [name] = names;
  if (name === undefined) return [];
  const layers = ["conv5"];
  return [
    {
      kind: "sets",
      title: `${name}: unit sets of conv5`,
      run: name,
      options: {
        layers,
        classes: everyNth(study, study.setsEvery.deep),
        strategies: ["greedy", "random"],
        size: 15,
        randomSequences: 10,
      },
    },
    { kind: "rotate", title: `${name}: rotation of conv5`, run: name, options: { layers, seeds: 1, pca: false } },
    ...(names.length > 1
      ? [
          {
            kind: "predict",
            title: "predicting classes from attributes where nothing was learned",
            runs: names,
            train: names.length - 1,
            out: predictRuns.untrained,
          } as const,
        ]
      : []),
  ];
}

/** Unit sets, rotations and figures of the main network. */
function mainSteps(study: Study, limit: number | undefined): Step[] {
  const { mainNetwork, lowerLimit, setsEvery } = study;
  const { lower, paperWay } = specialRuns(study);
  const classes = everyNth(study, setsEvery.deep);
  const [conv4, conv5] = comparedLayers;
  return [
    {
      kind: "sets",
      title: `${mainNetwork}: unit sets of ${conv5}`,
      run: mainNetwork,
      options: { layers: [conv5], classes, strategies: ["greedy", "single", "attributes", "random", "keep"] },
    },
    {
      kind: "sets",
      title: `${mainNetwork}: unit sets of ${conv4}`,
      run: mainNetwork,
      options: { layers: [conv4], classes, strategies: ["greedy", "random"], size: 15, randomSequences: 10 },
    },
    {
      kind: "rotate",
      title: `${mainNetwork}: rotations of ${conv5}`,
      run: mainNetwork,
      options: { layers: [conv5], seeds: 2 },
    },
    {
      kind: "rotate",
      title: `${mainNetwork}: rotation of ${conv4}`,
      run: mainNetwork,
      options: { layers: [conv4], seeds: 1, pca: false },
    },
    {
      kind: "ablate",
      title: `${mainNetwork}: ablation of ${conv5} for sets chosen the paper's way`,
      run: paperWay,
      network: mainNetwork,
      layers: [conv5],
      limit,
    },
    {
      kind: "sets",
      title: `${mainNetwork}: unit sets of ${conv5}, the paper's way`,
      run: paperWay,
      options: { layers: [conv5], classes, strategies: ["greedy", "random"], rankSplit: "none", randomSequences: 20 },
    },
    {
      kind: "ablate",
      title: `${mainNetwork}: ablation of the lower layers on fewer images`,
      run: lower,
      network: mainNetwork,
      layers: lowerLayers,
      limit: smaller(limit, lowerLimit),
    },
    {
      kind: "sets",
      title: `${mainNetwork}: unit sets of the lower layers`,
      run: lower,
      options: {
        layers: lowerLayers,
        classes: everyNth(study, limit === undefined ? setsEvery.lower : Math.max(setsEvery.lower, quickSetsEvery)),
        strategies: ["greedy", "random"],
        size: 15,
        randomSequences: 10,
      },
    },
    {
      kind: "rotate",
      title: `${mainNetwork}: rotations of the lower layers`,
      run: lower,
      options: { layers: lowerLayers, seeds: 2, pca: false },
    },
    { kind: "figures", title: `${mainNetwork}: figures`, run: mainNetwork },
  ];
}
