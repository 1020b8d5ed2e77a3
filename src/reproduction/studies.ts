/** The studies that the paper is repeated as: images, and networks that `scripts/train-models.sh` trained on them. */

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

/** The names of the studies. */
export const studyIds = ["cifar10", "tiny-imagenet-100"] as const;

/** A study's name, as `--study` takes it. */
export type StudyId = (typeof studyIds)[number];

/** One study: on what the paper's experiments are repeated. */
export interface Study {
  readonly id: StudyId;
  /** What its column is called beside others: `10 classes`. */
  readonly column: string;
  /** The images in a sentence: `CIFAR-10`. */
  readonly images: string;
  readonly classCount: number;
  /** Whether figures may show its images: not where their terms keep photographs from being published. */
  readonly showsImages: boolean;
  /** Every so manyth class is asked for its unit sets. */
  readonly setsEvery: number;
  /** What its networks do, after "ours". */
  readonly task: string;
  /** The images that everything is measured on. */
  readonly testImages: string;
  /** The network whose every layer is shown: plain, seed 1. */
  readonly mainNetwork: string;
  /** All networks, in the order in which they are worked on. The page is made of those that are there. */
  readonly networks: readonly ReproductionNetwork[];
  /** Test images of every class that all is measured on but conv4 and conv5 of the main network, which are on all images. */
  readonly comparedLimit: number;
  /** Images of every class that other ways to remove a unit are measured on. */
  readonly controlLimit: number;
}

/** The layers of AlexNet that networks are compared at, as in the paper, and those below, which only the main one is asked at. */
export const comparedLayers = ["conv4", "conv5"] as const;
export const lowerLayers = ["conv1", "conv2", "conv3"] as const;

/** The layers of AlexNet, in order. */
export const alexnetLayers: readonly string[] = [...lowerLayers, ...comparedLayers];

/** The layers of ResNet-18: the first convolution of its last block, and the block's output. */
export const resnetLayers = ["layer4.1.conv1", "layer4.1"] as const;

const seeds = (stem: string, variant: Variant, count: number, note?: string): ReproductionNetwork[] =>
  Array.from({ length: count }, (_, index) => ({
    name: index === 0 ? stem : `${stem}-seed${index + 1}`,
    variant,
    seed: index + 1,
    ...(note !== undefined && { note }),
  }));

const headOnly = "nothing but the head was trained";

/** Ten classes at 32×32: every network is quick, and anybody can fetch the images. */
export const cifar10Study: Study = {
  id: "cifar10",
  column: "10 classes",
  images: "CIFAR-10",
  classCount: 10,
  showsImages: true,
  setsEvery: 1,
  task: "ten classes apart at 32×32",
  testImages: "cifar10:test",
  mainNetwork: "alexnet-cifar10",
  networks: [
    ...seeds("alexnet-cifar10", "plain", 5),
    ...seeds("alexnet-bn-cifar10", "batch norm", 5),
    ...seeds("alexnet-dropout-cifar10", "channel dropout", 5),
    ...seeds("alexnet-random-cifar10", "random convolutions", 3, headOnly),
    {
      name: "resnet18-cifar10",
      variant: "ResNet-18",
      seed: 1,
      note: "width 16, a quarter of the original's 64: 16 channels in the first stage, 128 in the last",
    },
  ],
  comparedLimit: 300,
  controlLimit: 100,
};

/** A hundred classes of photographs at 64×64: one class is a hundredth of the images. */
export const tinyImageNetStudy: Study = {
  id: "tiny-imagenet-100",
  column: "100 classes",
  images: "100 classes of Tiny-ImageNet",
  classCount: 100,
  showsImages: false,
  setsEvery: 5,
  task: "a hundred classes of photographs apart at 64×64",
  testImages: "tiny-imagenet-100:test",
  mainNetwork: "alexnet-tiny-imagenet-100",
  networks: [
    ...seeds("alexnet-tiny-imagenet-100", "plain", 5),
    ...seeds("alexnet-bn-tiny-imagenet-100", "batch norm", 3),
    ...seeds(
      "alexnet-dropout-tiny-imagenet-100",
      "channel dropout",
      3,
      "30 % of the channels dropped, not half as in the paper: with half, such a network lost 5 points of accuracy, with 40 % more than 4",
    ),
    ...seeds("alexnet-random-tiny-imagenet-100", "random convolutions", 2, headOnly),
  ],
  comparedLimit: 50,
  controlLimit: 10,
};

/** Every study, by its name. */
export const studies: Readonly<Record<StudyId, Study>> = {
  cifar10: cifar10Study,
  "tiny-imagenet-100": tinyImageNetStudy,
};
