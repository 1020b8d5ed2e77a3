/** A block of images behind the prefix: what every removal on these images starts from. */

/** A tensor of a block of images, `[count, ...dims]`. */
export interface BlockTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A block of images behind the prefix. */
export interface PreparedBlock {
  readonly count: number;
  /** Baseline logits `[count, classCount]`. */
  readonly logits: Float32Array;
  /** Every output of the prefix, by its name. */
  readonly tensors: ReadonlyMap<string, BlockTensor>;
  /** Units that a running set has removed so far, where nothing else remembers them. */
  readonly removed?: number[];
}
