/**
 * What is published as Tiny-ImageNet (Stanford's course CS231n, 2015), and which of its images train and test here.
 *
 * 200 classes of ImageNet at 64×64: 500 training and 50 validation JPEGs each; the labels of its test images are not
 * public. **The split, a rule over file names:** `<wnid>_<n>.JPEG` with `n` below 350 trains; `n` from 350 to 499 tests,
 * and so do the validation images, which makes 200 test images a class.
 */

/** The archive, and the counts that it must have. Tests pass smaller ones of their own. */
export interface TinyImagenetArchive {
  readonly url: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
  readonly classCount: number;
  /** Per class: files `<wnid>_0.JPEG` … in `train/`. */
  readonly trainFiles: number;
  /** Per class: files `<wnid>_<n>.JPEG` with `n` below this train, the others test. */
  readonly trainedOn: number;
  /** Per class, by `val_annotations.txt`; all of them test. */
  readonly valFiles: number;
  /**
   * SHA-256 (hex) over lines `<name> <sha256 of the file>\n` of the classes at even places of the sorted WordNet ids:
   * `train/<wnid>/<wnid>_<n>.JPEG` by class and number, then `val/<wnid>/val_<n>.JPEG` by class and number.
   */
  readonly halfDigest: string;
}

/** Side of every image, in pixels. */
export const tinySide = 64;

/** The published archive; size and MD5 as loaders of the set commonly pin them. */
export const tinyImagenetArchive: TinyImagenetArchive = {
  url: "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
  sizeBytes: 248_100_043,
  md5: "90528d7ca1a48142e341f4ef8d21d0de",
  classCount: 200,
  trainFiles: 500,
  trainedOn: 350,
  valFiles: 50,
  halfDigest: "42be5c92269686e7c42a730e602849f41844d87521b4dcd49735276b8511a92e",
};

/** The classes of `tiny-imagenet-100`: those at even places (0, 2, 4, …) of all sorted WordNet ids. */
export function evenPlaces<T>(sorted: readonly T[]): T[] {
  return sorted.filter((_, place) => place % 2 === 0);
}
