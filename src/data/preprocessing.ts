/**
 * How pixels become a network's input. The fields are those of the JSON that users write (`--preprocess FILE.json`)
 * and that trained models carry in their metadata.
 */

/** Everything between a decoded image and the input tensor. */
export interface Preprocessing {
  /** Shorter side after resizing, in pixels; `null`: no resize. */
  readonly resize: number | null;
  /** Side of the centre crop, in pixels; `null`: no crop. */
  readonly crop: number | null;
  readonly interpolation: "bilinear" | "nearest";
  /** The values that 0 and 255 become before `mean` and `std`. */
  readonly range: readonly [number, number];
  /** Subtracted per channel, in the order of `channels`. */
  readonly mean: readonly [number, number, number];
  /** Divided by per channel, in the order of `channels`. */
  readonly std: readonly [number, number, number];
  readonly channels: "rgb" | "bgr";
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
