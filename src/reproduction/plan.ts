/** What is run for the reproduction, in order: which network, which experiment, which options. Pure data. */
import { methodSteps, seedSteps, smaller } from "./control-steps.ts";
import { comparedRun, compareRuns, predictRuns, type Step, specialRuns } from "./steps.ts";
import { alexnetLayers, comparedLayers, type ReproductionNetwork, resnetLayers, type Study } from "./studies.ts";

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
  const alike = (name: string): string => comparedRun(study, name);
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
    ...(comparedLimit === undefined ? [] : comparedSteps(study, limit)),
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

/** The main network on the images that the others are measured on: groups of networks are compared on the same images. */
function comparedSteps(study: Study, limit: number | undefined): Step[] {
  const { mainNetwork, comparedLimit } = study;
  const run = comparedRun(study, mainNetwork);
  return [
    {
      kind: "ablate",
      title: `${mainNetwork}: ablation on the other networks' images`,
      run,
      network: mainNetwork,
      layers: comparedLayers,
      limit: smaller(limit, comparedLimit),
    },
    {
      kind: "attributes",
      title: `${mainNetwork}: attributes and concepts on the other networks' images`,
      run,
      conceptNulls: [],
      concepts: conceptSet(limit),
      resamples: limit === undefined ? undefined : quickResamples,
    },
  ];
}

/** The unit sets and a rotation of the last convolution of networks other than the main one. */
function lastLayerSteps(study: Study, names: readonly string[]): Step[] {
  const layers = ["conv5"];
  const classes = everyNth(study, study.setsEvery.deep);
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
