/** An opened classifier, as plain data: what every other part works on. */
import type { Graph } from "../onnx/graph.ts";
import type { ImageInput } from "../onnx/image-input.ts";
import type { Layer, LeftOut } from "../onnx/layers.ts";
import type { RowFact } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";

export type { ImageInput } from "../onnx/image-input.ts";

/** Rounding differences between routes on networks of usual conditioning, some twenty times over. */
export const USUAL_TOLERANCE = 3e-5;

/** An opened classifier. */
export interface Model {
  /** The file's name without its folder. */
  readonly name: string;
  /** SHA-256 (hex) of the file. */
  readonly sha256: string;
  /** The graph from image input to logits: constants folded, floats of 32 bits, batch dimension free where it can be. */
  readonly graph: Graph;
  readonly input: ImageInput;
  /** The tensor `[N, classCount]` of logits; a final softmax or sigmoid is left off, since it changes no prediction. */
  readonly logits: string;
  /**
   * `softmax`: one class an image; `sigmoid`: the file ends in one sigmoid a class, so that its classes do not exclude
   * each other.
   */
  readonly head: "softmax" | "sigmoid";
  readonly classCount: number;
  readonly layers: readonly Layer[];
  /** What looks like a layer and is none, and why. */
  readonly leftOut: readonly LeftOut[];
  /** Shapes of the tensors; a free dimension is `"N"`, the number of images, or a multiple of it. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** What is proven of where each image's part stands in the tensors. */
  readonly rows: ReadonlyMap<string, RowFact>;
  /** Images that one run takes: any number (`null`), or exactly so many. */
  readonly batch: number | null;
  /**
   * Predictions whose top-2 margin is within this part of the largest logit are settled by one image at a time;
   * infinite where rounding is magnified, so that every prediction is. On opening it is the usual one, or infinite;
   * whatever predicts measures it on its images.
   */
  readonly tieTolerance: number;
  /**
   * The least that the largest logit is taken for where near-ties and differences are measured. 0 with several logits. A
   * single logit z, which stands for the two classes (0, z), is near zero just where it is a near-tie: there it is the
   * size that z usually has, NaN until that has been measured together with the tolerance.
   */
  readonly logitFloor: number;
  /** What was decided on opening, in sentences. */
  readonly notes: readonly string[];
  /** The file's metadata properties. */
  readonly metadata: ReadonlyMap<string, string>;
}
