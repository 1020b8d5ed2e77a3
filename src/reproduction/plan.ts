/** What is run for the reproduction, in order: which network, which experiment, which options. Pure data. */
import { methodSteps, seedSteps, smaller } from "./control-steps.ts";
import { comparedRun, compareRuns, lowerRun, predictRuns, type Step } from "./steps.ts";
import { comparedLayers, lowerLayers, type ReproductionNetwork, resnetLayers, type Study } from "./studies.ts";

/** Options that change what is run. */
export interface PlanOptions {
  /** The first so many images of every class, for a quick look; all where absent. */
  readonly limit?: number | undefined;
  /** Those of the study where absent. */
  readonly networks?: readonly ReproductionNetwork[];
}

/** Images of the rendered concept set; in a quick look for every image of a class, at most as many. */
const conceptImages = 3000;
const quickConceptImages = 30;

/** Resamples of a quick look, whose intervals are wide anyway. */
const quickResamples = 200;

/** Resamples behind the intervals of single networks that are compared: what is shown is the interval over networks. */
const comparedResamples = 500;

/** Indices of the classes that are asked for their unit sets; `undefined` for all. */
function classesOfSets({ classCount, setsEvery }: Study): string[] | undefined {
  if (setsEvery === 1) return undefined;
  return Array.from({ length: Math.ceil(classCount / setsEvery) }, (_, at) => String(at * setsEvery));
}

/** The name of the concept set; a quick look at `limit` images of every class has a smaller one. */
export function conceptSet(limit: number = conceptImages): string {
  return `builtin:${Math.min(conceptImages, quickConceptImages * limit)}`;
}

/** The steps of the reproduction, each after those whose results it reads. */
export function planSteps(study: Study, { limit, networks = study.networks }: PlanOptions = {}): Step[] {
  const { mainNetwork, comparedLimit } = study;
  const compared = networks.filter(({ variant }) => variant !== "ResNet-18" && variant !== "random convolutions");
  const untrained = networks.filter(({ variant }) => variant === "random convolutions").map(({ name }) => name);
  const plain = networks.filter(({ variant }) => variant === "plain").map(({ name }) => name);
  const alike = (name: string): string => comparedRun(study, name);
  return [
    ...networks.flatMap((network): Step[] => {
      const { name } = network;
      const isMain = name === mainNetwork;
      return [
        {
          kind: "ablate",
          title: `${name}: ablation`,
          run: name,
          network: name,
          layers: network.variant === "ResNet-18" ? resnetLayers : comparedLayers,
          limit: isMain ? limit : smaller(limit, comparedLimit),
        },
        describe(`${name}: attributes and concepts`, name, { limit, isMain }),
      ];
    }),
    ...mainSteps(study, limit),
    ...lastLayerSteps(study, [...plain.filter((name) => name !== mainNetwork), ...untrained]),
    ...untrainedPrediction(untrained),
    ...methodSteps(study, limit),
    {
      kind: "compare",
      title: "comparing variants",
      runs: compared.map(({ name, variant }) => ({ run: alike(name), variant })),
      out: compareRuns.variants,
    },
    ...seedSteps(plain.map(alike)),
    {
      kind: "predict",
      title: "predicting classes from attributes",
      runs: plain.map(alike),
      train: Math.min(3, plain.length - 1),
      out: predictRuns.plain,
    },
  ];
}

/** Attributes and concepts of a run's units: with nulls at conv5 of the main network. */
function describe(
  title: string,
  run: string,
  { limit, isMain = false }: { limit: number | undefined; isMain?: boolean },
): Step {
  const step = { kind: "attributes", title, run } as const;
  const concepts = conceptSet(limit);
  if (limit !== undefined) return { ...step, conceptNulls: [], concepts, resamples: quickResamples };
  return isMain
    ? { ...step, conceptNulls: ["conv5"], concepts }
    : { ...step, conceptNulls: [], concepts, resamples: comparedResamples };
}

/** The unit sets and a rotation of the last convolution of networks other than the main one. */
function lastLayerSteps(study: Study, names: readonly string[]): Step[] {
  const layers = ["conv5"];
  const classes = classesOfSets(study);
  return names.flatMap((name): Step[] => [
    {
      kind: "sets",
      title: `${name}: unit sets of conv5`,
      run: name,
      options: { layers, classes, strategies: ["greedy", "random"], size: 15, randomSequences: 10 },
    },
    { kind: "rotate", title: `${name}: rotation of conv5`, run: name, options: { layers, seeds: 1, pca: false } },
  ]);
}

/** Classes predicted across networks that learned nothing, where there are several. */
function untrainedPrediction(runs: readonly string[]): Step[] {
  if (runs.length < 2) return [];
  const title = "predicting classes from attributes where nothing was learned";
  return [{ kind: "predict", title, runs, train: runs.length - 1, out: predictRuns.untrained }];
}

/** The main network on the images that the others are measured on, its lower layers, unit sets, rotations and figures. */
function mainSteps(study: Study, limit: number | undefined): Step[] {
  const { mainNetwork, comparedLimit } = study;
  const [compared, lower] = [comparedRun(study, mainNetwork), lowerRun(study)];
  const classes = classesOfSets(study);
  const conv5 = comparedLayers[1];
  return [
    {
      kind: "ablate",
      title: `${mainNetwork}: ablation on the other networks' images`,
      run: compared,
      network: mainNetwork,
      layers: comparedLayers,
      limit: smaller(limit, comparedLimit),
    },
    describe(`${mainNetwork}: attributes and concepts on the other networks' images`, compared, { limit }),
    {
      kind: "ablate",
      title: `${mainNetwork}: ablation of the lower layers on fewer images`,
      run: lower,
      network: mainNetwork,
      layers: lowerLayers,
      limit: smaller(limit, comparedLimit),
    },
    describe(`${mainNetwork}: attributes and concepts of the lower layers`, lower, { limit }),
    {
      kind: "sets",
      title: `${mainNetwork}: unit sets of ${conv5}`,
      run: mainNetwork,
      options: {
        layers: [conv5],
        classes,
        strategies: ["greedy", "single", "attributes", "random", "keep"],
        randomSequences: 30,
      },
    },
    {
      kind: "sets",
      title: `${mainNetwork}: unit sets of ${conv5}, the paper's way`,
      run: compared,
      options: { layers: [conv5], classes, strategies: ["greedy", "random"], rankSplit: "none", randomSequences: 20 },
    },
    {
      kind: "rotate",
      title: `${mainNetwork}: rotations of ${conv5}`,
      run: compared,
      options: { layers: [conv5], seeds: 1 },
    },
    { kind: "figures", title: `${mainNetwork}: figures`, run: mainNetwork },
    { kind: "figures", title: `${mainNetwork}: figures of the lower layers`, run: lower },
  ];
}
