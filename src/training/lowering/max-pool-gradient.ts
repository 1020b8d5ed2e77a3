/**
 * The gradient of max-pooling without a scatter: one axis at a time, by splitting the axis into its phases.
 *
 * A k-wide window at stride s reads position w·s − p + j for j = 0..k−1. With the axis split into its s phases (for
 * s = 2, even and odd positions) each j is a shifted phase, so the whole gradient is comparisons and products of
 * arrays as long as the output, and each works at memory speed on all threads. Maxima are claimed in order of j from
 * what is left of the window's gradient, so exactly one position per window gets it: the first maximum.
 */
import type { GraphBuilder } from "../graph-builder.ts";

/** A lower bound of all finite values: what lies outside the image never is a window's maximum. */
const OUTSIDE = -3.4028234663852886e38;

/** One axis of a pool: `[outer, size, inner]` elements before, `[outer, places, inner]` after. */
export interface PooledAxis {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly places: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
}

/**
 * The gradient with respect to a pool's input along one axis.
 *
 * @param tensors `input` of `[outer, size, inner]` elements, `output` and `gradient` of `[outer, places, inner]`, under
 *   any shape with that many elements.
 * @returns a tensor of shape `[outer, size, inner]`.
 */
export function maxPoolAxisGradient(
  builder: GraphBuilder,
  { input, output, gradient }: { input: string; output: string; gradient: string },
  { outer, size, inner, places, kernel, stride, before }: PooledAxis,
): string {
  const blocks = Math.ceil(size / stride);
  const padded = builder.pad(builder.reshape(input, [outer, size, inner]), 1, 0, blocks * stride - size, OUTSIDE);
  const phases = splitPhases(builder, padded, { outer, blocks, stride, inner });
  const pooled = builder.reshape(output, [outer, places, inner]);

  let left = builder.reshape(gradient, [outer, places, inner]);
  const sums: (string | undefined)[] = phases.map(() => undefined);
  for (let j = 0; j < kernel; j++) {
    const offset = j - before;
    const phase = ((offset % stride) + stride) % stride;
    const shift = (offset - phase) / stride;
    let claimed = left; // the last position gets what the others did not claim
    if (j < kernel - 1) {
      const values = builder.pad(phases[phase], 1, -shift, shift + places - blocks, OUTSIDE);
      const equal = builder.emit("Equal", [values, pooled], [outer, places, inner]);
      const isMaximum = builder.emit("Cast", [equal], [outer, places, inner], { to: 1 });
      claimed = builder.binary("Mul", left, isMaximum);
      left = builder.binary("Sub", left, claimed);
    }
    const placed = builder.pad(claimed, 1, shift, blocks - places - shift);
    const sum = sums[phase];
    sums[phase] = sum === undefined ? placed : builder.binary("Add", sum, placed);
  }
  const zero = (): string =>
    builder.constant({ type: "float32", dims: [outer, blocks, inner], data: new Float32Array(outer * blocks * inner) });
  const rows = sums.map((sum) => builder.reshape(sum ?? zero(), [outer * blocks, 1, inner]));
  const merged = builder.reshape(builder.concat(rows, 1), [outer, blocks * stride, inner]);
  return builder.slice(merged, 1, 0, size);
}

/** Every phase as `[outer, blocks, inner]`. */
function splitPhases(
  builder: GraphBuilder,
  tensor: string,
  { outer, blocks, stride, inner }: { outer: number; blocks: number; stride: number; inner: number },
): string[] {
  if (stride === 1) return [tensor];
  const view = builder.reshape(tensor, [outer * blocks, stride, inner]);
  const shapes = Array.from({ length: stride }, () => [outer * blocks, 1, inner]);
  return builder
    .emitMany("Split", [view, builder.ints(shapes.map(() => 1))], shapes, { axis: 1 })
    .map((phase) => builder.reshape(phase, [outer, blocks, inner]));
}
