/**
 * How pixels become a network's input. The fields are those of the JSON that users write (`--preprocess FILE.json`)
 * and that trained models carry in their metadata.
 */

import type { Interpolation } from "../numeric/resize.ts";

/** A mean image, by its file. */
export interface MeanImageFile {
  /** Absolute. */
  readonly path: string;
  /** Of the file, hex. */
  readonly sha256: string;
}

/** Everything between a decoded image and the input tensor. */
export interface Preprocessing {
  /** Shorter side after resizing, in pixels, or height and width whatever the image's shape is; `null`: no resize. */
  readonly resize: number | readonly [number, number] | null;
  /** Side of the centre crop, in pixels; `null`: no crop. */
  readonly crop: number | null;
  readonly interpolation: Interpolation;
  /** The values that 0 and 255 become before `mean` and `std`. */
  readonly range: readonly [number, number];
  /** Subtracted per channel, in the order of `channels`: three numbers, one for `gray`, four for `rgba`. */
  readonly mean: readonly number[];
  /** Divided by per channel, as many. */
  readonly std: readonly number[];
  /** An image that is subtracted too, before dividing. */
  readonly meanImage?: MeanImageFile;
  /** `apply`: images are turned as their EXIF orientation says, before anything else. */
  readonly orientation?: "apply";
  /**
   * `gray`: one channel, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), rounded to 8 bits. `rgba`: four, as they
   * stand in an array.
   */
  readonly channels: "rgb" | "bgr" | "gray" | "rgba";
  readonly layout: "nchw" | "nhwc";
}

/** Pixels divided by 255 and nothing else: `--preprocess none`, and the value of every key that is left out. */
export const noPreprocessing: Preprocessing = {
  resize: null,
  crop: null,
  interpolation: "bilinear",
  range: [0, 1],
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: "rgb",
  layout: "nchw",
};

/** The number of channels that the network's input has. */
export function channelCount({ channels }: Pick<Preprocessing, "channels">): 1 | 3 | 4 {
  if (channels === "gray") return 1;
  return channels === "rgba" ? 4 : 3;
}

/**
 * The same preprocessing for an input of one channel or of four: three channels that are scaled alike become gray, or
 * four.
 * @returns the preprocessing as it is where it fits already, or cannot be made to.
 */
export function forChannels(preprocessing: Preprocessing, channels: 1 | 3 | 4): Preprocessing {
  const { mean, std } = preprocessing;
  const isAlike = [mean, std].every((values) => values.every((value) => value === values[0]));
  if (channels === 3 || channelCount(preprocessing) === channels || !isAlike) return preprocessing;
  const each = (values: readonly number[]): number[] => Array.from({ length: channels }, () => values[0]);
  return { ...preprocessing, channels: channels === 1 ? "gray" : "rgba", mean: each(mean), std: each(std) };
}
