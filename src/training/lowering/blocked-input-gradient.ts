/**
 * The gradient of a convolution's input in the channel-blocked layout: a blocked convolution of dY with flipped filters.
 *
 * With strides s, position s·q + r of dX (its phase r) sees only the taps i of the filter with i ≡ r + p (mod s), at
 * place (r + p − i)/s + q of dY. So all phases together are one convolution of dY without strides, with s·s·C outputs,
 * whose result is interleaved in the end; a convolution of dY spread with zeros would do s·s times the arithmetic.
 * (The sub-pixel convolution of Shi et al. 2016, read backwards.)
 */
import { intAttribute, intTensor, type Node } from "../../onnx/graph.ts";
import { windowsOf } from "../static-shapes.ts";
import { emitConvolution, forwardFilter } from "./blocked-convolution.ts";
import { BLOCKED_DOMAIN, type Layouts } from "./layouts.ts";

/** One axis of the convolution of dY that gives all phases of dX. */
interface PhasedAxis {
  readonly stride: number;
  /** Places of the result: ⌈size of dX / stride⌉. */
  readonly places: number;
  /** Width of the kernel. */
  readonly taps: number;
  /** Padding of dY. */
  readonly before: number;
  readonly after: number;
  /** The forward filter's index for a phase and a tap; `undefined`: zero. */
  filterIndex(phase: number, tap: number): number | undefined;
}

function phasedAxis(
  size: number,
  given: number,
  { kernel, stride, before }: { kernel: number; stride: number; before: number },
): PhasedAxis {
  const places = Math.ceil(size / stride);
  const index = (phase: number, offset: number): number => phase + before - stride * offset;
  // The offsets from q in dY at which any phase has a tap; not so few that dY would have to be cut.
  const lowest = Math.min(0, -Math.floor((kernel - 1 - before) / stride));
  const highest = Math.max(given - places, 0, Math.floor((stride - 1 + before) / stride));
  return {
    stride,
    places,
    taps: highest - lowest + 1,
    before: -lowest,
    after: places - given + highest,
    filterIndex(phase, tap) {
      const i = index(phase, lowest + tap);
      return i >= 0 && i < kernel ? i : undefined;
    },
  };
}

/** `ConvInputGradient(dY, W)`. */
export function blockedInputGradient(node: Node, layouts: Layouts): boolean {
  const { target, block } = layouts;
  const [dy = "", w = ""] = node.inputs;
  const [n = 0, , height = 0, width = 0] = target.shapeOf(node.outputs[0]);
  const [o = 0, c = 0] = target.shapeOf(w);
  const { kernel, strides, before } = windowsOf(node, []);
  if (intAttribute(node, "group", 1) !== 1 || o % block !== 0 || c % block !== 0) return false;
  const [, , givenRows = 0, givenColumns = 0] = target.shapeOf(dy);
  const axisOf = (axis: 0 | 1, size: number, given: number): PhasedAxis =>
    phasedAxis(size, given, { kernel: kernel[axis], stride: strides[axis], before: before[axis] });
  const rows = axisOf(0, height, givenRows);
  const columns = axisOf(1, width, givenColumns);
  const phases = strides[0] * strides[1];
  const places = [rows.places, columns.places];
  const image = layouts.blocked(dy) as string;
  const attributes = {
    kernel_shape: [rows.taps, columns.taps],
    strides: [1, 1],
    pads: [rows.before, columns.before, rows.after, columns.after],
    dilations: [1, 1],
    group: 1,
  };
  if (phases === 1) {
    emitConvolution(node, layouts, { operands: [image, phasedFilter(layouts, w, { rows, columns }), ""], attributes });
  } else if (kernel[0] === 1 && kernel[1] === 1 && before[0] === 0 && before[1] === 0) {
    // All phases but the first are zero.
    const filter = phasedFilter(layouts, w, { rows: { ...rows, stride: 1 }, columns: { ...columns, stride: 1 } });
    const first = target.emit("Conv", [image, filter], [n, c, ...places], attributes, BLOCKED_DOMAIN);
    const size = c * rows.places * columns.places;
    const all = target.pad(target.reshape(first, [n, size]), 1, 0, (phases - 1) * size);
    layouts.setPhases(node.outputs[0], { tensor: target.reshape(all, [n, phases * c, ...places]), strides });
  } else {
    emitConvolution(node, layouts, {
      operands: [image, phasedFilter(layouts, w, { rows, columns }), ""],
      attributes,
      shape: [n, phases * c, ...places],
      formOf: (other) => layouts.phases(other, strides),
      record: (output, tensor) => layouts.setPhases(output, { tensor, strides }),
    });
  }
  return true;
}

/** The filter `[s·s·C, O, taps, taps]` in blocked order: whole blocks of `[B of O, B of C]`, gathered. */
function phasedFilter(
  layouts: Layouts,
  w: string,
  { rows, columns }: { rows: PhasedAxis; columns: PhasedAxis },
): string {
  const { target, block, once } = layouts;
  const [o = 0, c = 0, kh = 0, kw = 0] = target.shapeOf(w);
  const [outputs, inputs] = [o / block, c / block];
  const count = outputs * inputs * kh * kw;
  const table = once(`swapped ${w}`, () =>
    target.transpose(target.reshape(forwardFilter(layouts, w), [count, block, block]), [0, 2, 1]),
  );
  const indices: number[] = [];
  for (let phase = 0; phase < rows.stride * columns.stride; phase++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        for (let row = 0; row < rows.taps; row++) {
          const i = rows.filterIndex(Math.floor(phase / columns.stride), row);
          for (let column = 0; column < columns.taps; column++) {
            const j = columns.filterIndex(phase % columns.stride, column);
            const inside = i !== undefined && j !== undefined;
            indices.push(inside ? ((output * inputs + input) * kh + i) * kw + j : count);
          }
        }
      }
    }
  }
  const blocks = indices.includes(count) ? target.pad(table, 0, 0, 1) : table;
  const shape = [rows.stride * columns.stride * c, o, rows.taps, columns.taps];
  const index = target.constant(intTensor(indices));
  return target.reshape(target.emit("Gather", [blocks, index], [indices.length, block, block], { axis: 0 }), shape);
}

/** The whole tensor `[N, C, H, W]` in blocks, from its phases `[N, s·s·C, ⌈H/s⌉, ⌈W/s⌉]`. */
export function interleavePhases(
  { target, block }: Pick<Layouts, "target" | "block">,
  phases: string,
  { strides, shape }: { strides: readonly [number, number]; shape: readonly number[] },
): string {
  const [n = 0, c = 0, height = 0, width = 0] = shape;
  const [, , rows = 0, columns = 0] = target.shapeOf(phases);
  const parts = target.reshape(phases, [n, strides[0], strides[1], c / block, rows, columns, block]);
  const mixed = target.transpose(parts, [0, 3, 4, 1, 5, 2, 6]);
  const [tall, wide] = [rows * strides[0], columns * strides[1]];
  const lines = target.slice(target.reshape(mixed, [(n * c) / block, tall, wide * block]), 1, 0, height);
  return target.reshape(target.slice(lines, 2, 0, width * block), [n, c, height, width]);
}
