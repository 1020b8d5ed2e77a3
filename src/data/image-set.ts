/**
 * A labelled image set: an ordered list of images, their labels, and a way to decode each one.
 *
 * Sources (CIFAR-10, folders, list files, arrays) differ only in how they build one; everything after works on this.
 */

import type { SeveralLabels } from "./several-labels.ts";

/** Decoded pixels, uint8, row-major `[height, width, 3]`, RGB. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Its file's EXIF orientation, 2..8, if it states one that is not upright. */
  readonly orientation?: number;
}

/** The pixels of images of one size, all in memory: uint8, planar, row-major `[imageCount, channels, height, width]`. */
export interface PixelArray {
  readonly data: Uint8Array;
  /** 3: red, green, blue; 1: gray, which stands for all three. */
  readonly channels: 1 | 3 | 4;
  readonly height: number;
  readonly width: number;
}

/** Copies in an image set. */
export interface Repeats {
  readonly count: number;
  /** Of these, how many have another label than the image that they are copies of. */
  readonly otherLabel: number;
  /** An image and its copy. */
  readonly example: readonly [number, number];
}

/** An ordered, labelled image set. Images are numbered from 0 in its order. */
export interface ImageSet {
  /** What the user called it, with its split: `cifar10:test`, `photos/`. */
  readonly name: string;
  readonly imageCount: number;
  /** Class index of every image, `[imageCount]`; read only. */
  readonly labels: Int32Array;
  /** Where the set was opened for several labels an image: which it has; `labels` say nothing then. */
  readonly severalLabels?: SeveralLabels;
  /** Class names, in the order of the indices. */
  readonly classNames: readonly string[];
  /** SHA-256 (hex) over the ordered images (content or path, size and time) and their labels. */
  readonly hash: string;
  /** Images that are the same as an earlier one, byte by byte; for sources that read all bytes when they are opened. */
  readonly repeats?: Repeats;
  /** Images that were left out because they cannot be decoded, with the reason. */
  readonly skipped?: readonly { readonly name: string; readonly reason: string }[];
  /** All pixels, for sources that hold them in memory; read only. `read` gives the same values. */
  readonly pixels?: PixelArray;
  /** A short name of one image, for people: a path, or `test/123`. */
  imageName(image: number): string;
  /**
   * Decodes one image at its own size.
   * @throws {UnitscopeError} `data` if it cannot be decoded; the message names the file.
   */
  read(image: number): Promise<RgbImage>;
}
