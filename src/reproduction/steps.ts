/** What a step of the reproduction is, and what its folders are called. Pure data. */
import type { AblationMethod } from "../ablation/ablation-methods.ts";
import type { SetsRunOptions } from "../commands/measure-sets.ts";
import type { RotationRunOptions } from "../commands/rotate-layers.ts";
import type { Study } from "./studies.ts";

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

/** The run of the main network's lower layers, on fewer images: removing their units costs most of a network each. */
export function lowerRun({ mainNetwork }: Study): string {
  return `${mainNetwork}-lower`;
}

/**
 * The run that a network is compared with others by: on the same images as theirs, which are fewer than the main
 * network's. Rotations are measured there, and unit sets that are chosen and measured on the same images, as the paper does.
 */
export function comparedRun({ mainNetwork }: Study, network: string): string {
  return network === mainNetwork ? `${network}-compared` : network;
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
