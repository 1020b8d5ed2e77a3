/** Preprocessing that many networks share, by name. */
import { noPreprocessing, type Preprocessing } from "./preprocessing.ts";

/** Mean and standard deviation of ImageNet's training images, as torchvision's and Places365's networks use them. */
const imagenetScale = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

const imagenet: Preprocessing = { ...noPreprocessing, resize: 256, crop: 224, ...imagenetScale };
const halves = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

/** The presets. Where their constants come from is in docs/data.md. */
export const preprocessingPresets: Readonly<Record<string, Preprocessing>> = {
  imagenet,
  places365: imagenet,
  "imagenet-v2": { ...imagenet, resize: 232 },
  inception: { ...imagenet, resize: 342, crop: 299 },
  timm: { ...imagenet, interpolation: "bicubic" },
  "timm-vit": { ...imagenet, resize: 248, interpolation: "bicubic", ...halves },
  clip: {
    ...imagenet,
    resize: 224,
    interpolation: "bicubic",
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  },
  cifar10: { ...noPreprocessing, mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  "tiny-imagenet": { ...noPreprocessing, mean: [0.4818, 0.4505, 0.3985], std: [0.275, 0.2666, 0.2796] },
  tf: { ...noPreprocessing, resize: 256, crop: 224, range: [-1, 1], layout: "nhwc" },
  caffe: {
    ...noPreprocessing,
    resize: 256,
    crop: 224,
    range: [0, 255],
    mean: [103.939, 116.779, 123.68],
    channels: "bgr",
  },
  mnist: { ...noPreprocessing, mean: [0.1307], std: [0.3081], channels: "gray" },
  none: noPreprocessing,
};

/** What `--preprocess` may be, in words: the presets in their order, then JSON. */
export const preprocessingForms: string = `${Object.keys(preprocessingPresets).join(", ")}, JSON or a .json file`;
