/** What is true of made-up networks: the paper's effects, and none at all. */
import type { Variant } from "../../src/reproduction/studies.ts";

/** What is true of the made-up networks; drops as fractions. */
export interface Effects {
  /** Mean overall drop of a unit. */
  readonly overall: number;
  /** Mean class drop of a unit, by variant and layer. */
  readonly classDrop: (variant: Variant, layer: string) => number;
  /** Share of units that detect a concept. */
  readonly detectors: (variant: Variant) => number;
  /** Classes with a real drop, per unit. */
  readonly significant: number;
  /** Classes that lose log-probability, per unit. */
  readonly sharper: number;
  /** Accuracy of a class after greedy units. */
  readonly greedy: (step: number) => number;
  /** Correlation of an attribute with a drop. */
  readonly correlation: (drop: "overall_drop" | "max_class_drop" | "elsewhere", attribute: string) => number;
  /** The largest correlation that the drops' noise leaves room for. */
  readonly ceiling: number;
  /** Accuracy of the ensemble, and of the best single attribute. */
  readonly prediction: number;
  readonly bestAttribute: number;
  /** Drop that the images find with a power of 80 %. */
  readonly detectable: number;
  /** Share of units that single out a class. */
  readonly specific: number;
  /** Standard deviation of one image's share in a mean drop, times the number of images. */
  readonly imageNoise: number;
  readonly classCount: number;
  /** Steps in WordNet that classes which one unit hurts are closer than by chance. */
  readonly alike: number;
  /** Mean max class drop of random directions. */
  readonly direction: number;
  /** Whether the second network of a variant is as the plain ones are. */
  readonly deviant: boolean;
  /** How far networks of one kind lie apart, as a share of their mean drop. */
  readonly networkNoise: number;
  /** What is otherwise in networks that learned nothing. */
  readonly untrained: Partial<Effects>;
}

/** Effects as the paper describes them. */
export const paperEffects: Effects = {
  overall: 0.001,
  classDrop: (variant, layer) =>
    variant === "batch norm" || variant === "random convolutions"
      ? 0.01
      : variant === "channel dropout"
        ? layer === "conv5"
          ? 0.01
          : 0.04
        : 0.025,
  detectors: (variant) => (variant === "plain" ? 0.4 : 0.1),
  significant: 2,
  sharper: 3,
  greedy: (step) => Math.max(0, 0.8 - 0.06 * step),
  correlation: (drop, attribute) => {
    if (drop === "max_class_drop") return attribute === "concept_iou" || attribute === "l1_norm" ? 0.4 : 0.6;
    return attribute === "l1_norm" ? 0.2 : -0.2;
  },
  ceiling: 0.9,
  prediction: 0.75,
  bestAttribute: 0.6,
  detectable: 0.006,
  specific: 1,
  imageNoise: 0.02,
  classCount: 100,
  alike: 2,
  direction: 0.005,
  deviant: false,
  networkNoise: 0.02,
  untrained: {
    overall: 0.02,
    detectors: () => 0.05,
    significant: 40,
    sharper: 50,
    greedy: (step) => Math.max(0, 0.8 - 0.02 * step),
    correlation: () => 0,
    prediction: 0.3,
    bestAttribute: 0.2,
    specific: 0.1,
    alike: 0,
  },
};

/** No effect at all: units do what chance does. */
export const noEffects: Effects = {
  overall: 0,
  classDrop: () => 0,
  detectors: () => 0.2,
  significant: 0,
  sharper: 0,
  greedy: () => 0.8,
  correlation: () => 0,
  ceiling: 0.1,
  prediction: 0.1,
  bestAttribute: 0.12,
  detectable: 0.01,
  specific: 0,
  imageNoise: 0.02,
  classCount: 100,
  alike: 0,
  direction: 0,
  deviant: false,
  networkNoise: 0,
  untrained: {},
};
