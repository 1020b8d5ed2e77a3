/** A convolution in the channel-blocked layout, with what follows it in the same pass; and its filters in that layout. */
import type { Node } from "../../onnx/graph.ts";
import type { AttributeValues } from "../graph-builder.ts";
import { BLOCKED_DOMAIN, type Layouts } from "./layouts.ts";

/**
 * A filter `[O, C, kh, kw]` in the order of the blocked convolution: `[O/B, C/B, kh, kw, B of C, B of O]`, or
 * `[O/B, C, kh, kw, B of O]` for fewer channels than a block.
 *
 * Two transpositions, of one axis and of whole blocks, take a fifth of the time of one that moves single values.
 */
export function forwardFilter({ target, block, plain, once }: Layouts, filter: string): string {
  return once(`forward ${filter}`, () => {
    const shape = target.shapeOf(filter);
    const [o = 0, c = 0, kh = 0, kw = 0] = shape;
    const outputsLast = target.transpose(target.reshape(plain(filter), [o / block, block, c * kh * kw]), [0, 2, 1]);
    if (c < block || kh * kw === 1) return target.reshape(outputsLast, shape);
    const parts = target.reshape(outputsLast, [(o * c) / block ** 2, block, kh * kw, block]);
    return target.reshape(target.transpose(parts, [0, 2, 1, 3]), shape);
  });
}

/** A blocked convolution to emit. */
export interface BlockedConvolution {
  /** Image, filter, and bias (empty: none). */
  readonly operands: readonly string[];
  readonly attributes: AttributeValues;
  /** The shape that the result is emitted with, where it is not the one that the source node's output has. */
  readonly shape?: readonly number[];
  /** A source tensor in the form of the result, to be added to it; `undefined` where it has no such form. */
  readonly formOf?: (tensor: string) => string | undefined;
  /** Records the result as a form of a source tensor. */
  readonly record?: (tensor: string, result: string) => void;
}

/**
 * Emits the blocked convolution that a source node stands for, together with what only follows it: an addition of a
 * tensor that is there already, and a ReLU. The runtime's operator does both while the result is in the cache.
 */
export function emitConvolution(
  node: Node,
  layouts: Layouts,
  { operands, attributes, shape, formOf = layouts.blocked, record = layouts.setBlocked }: BlockedConvolution,
): void {
  const { target } = layouts;
  let output = node.outputs[0];
  const whole = target.shapeOf(output);
  const inputs = [...operands];
  const all = { ...attributes };
  const absorb = (next: Node): void => {
    layouts.skip(next);
    output = next.outputs[0];
    target.declare(output, whole);
  };
  const sum = layouts.onlyReader(output);
  const other = sum?.op === "Add" ? sum.inputs.find((input) => input !== output) : undefined;
  if (sum && other !== undefined && layouts.isReady(other) && target.shapeOf(other).join() === whole.join()) {
    const form = formOf(other);
    if (form !== undefined) {
      inputs.push(form);
      absorb(sum);
    }
  }
  const relu = layouts.onlyReader(output);
  if (relu?.op === "Relu") {
    all.activation = "Relu";
    absorb(relu);
  }
  while (inputs.at(-1) === "") inputs.pop();
  record(output, target.emit("Conv", inputs, shape ?? whole, all, BLOCKED_DOMAIN));
}
