/** The networks that the paper's experiments are repeated on: all of them trained by `scripts/train-models.sh`. */

/** How a network was trained. */
export type Variant = "plain" | "batch norm" | "channel dropout" | "random convolutions" | "ResNet-18";

/** One trained network. */
export interface ReproductionNetwork {
  /** File name in the models folder, without `.onnx`. */
  readonly name: string;
  readonly variant: Variant;
  readonly seed: number;
  /** What else must be known of it. */
  readonly note?: string;
}

/** The network whose every layer is shown: plain, seed 1. */
export const mainNetwork = "alexnet-cifar10";

/** The layers of AlexNet, in order. */
export const alexnetLayers = ["conv1", "conv2", "conv3", "conv4", "conv5"] as const;

/** The layers that networks are compared at, as in the paper. */
export const comparedLayers = ["conv4", "conv5"] as const;

/** The layers of ResNet-18: the first convolution of its last block, and the block's output. */
export const resnetLayers = ["layer4.1.conv1", "layer4.1"] as const;

const seeds = (stem: string, variant: Variant, count: number): ReproductionNetwork[] =>
  Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? stem : `${stem}-seed${index + 1}`,
    variant,
    seed: index + 1,
  }));

/** All networks, in the order in which they are worked on. The page is made of those that are there. */
export const networks: readonly ReproductionNetwork[] = [
  ...seeds(mainNetwork, "plain", 5),
  ...seeds("alexnet-bn-cifar10", "batch norm", 5),
  ...seeds("alexnet-dropout-cifar10", "channel dropout", 5),
  ...seeds("alexnet-random-cifar10", "random convolutions", 3).map((network) => ({
    ...network,
    note: "nothing but the head was trained",
  })),
  {
    name: "resnet18-cifar10",
    variant: "ResNet-18",
    seed: 1,
    note: "width 16, a quarter of the original's 64: 16 channels in the first stage, 128 in the last",
  },
];
