/**
 * The gradient of a convolution's weights in the channel-blocked layout, in the fastest of three ways that fits.
 *
 * - Images as channels: dW is a convolution over the batch, with images in the place of channels and dY as its kernel
 *   (the stride becomes a dilation). It reads every tensor once and needs whole blocks of images and channels.
 * - Patches: one matrix product of the image's patches with dY, where a `Gather` of channel blocks lays the patches out
 *   directly from the blocked image; for any number of images.
 * - Planar patches, for an image of few channels.
 */
import { intAttribute, intTensor, type Node } from "../../onnx/graph.ts";
import type { GraphBuilder } from "../graph-builder.ts";
import { type Windows, windowCount, windowsOf } from "../static-shapes.ts";
import { BLOCKED_DOMAIN, type Layouts } from "./layouts.ts";
import { nameAs } from "./lowering.ts";

/** `ConvWeightGradient(dY, X)`. */
export function blockedWeightGradient(node: Node, layouts: Layouts): boolean {
  const { target, block } = layouts;
  const [dy = "", x = ""] = node.inputs;
  const [o = 0, c = 0, kh = 0, kw = 0] = target.shapeOf(node.outputs[0]);
  if (intAttribute(node, "group", 1) !== 1) return false;
  const windows = windowsOf(node, []);
  const [n = 0, , rows = 0, columns = 0] = target.shapeOf(dy);
  const place = { windows, rows, columns };
  if (c % block !== 0) {
    const product = target.emit(
      "MatMul",
      [planarPatches(target, layouts.plain(x), place), layouts.rows(dy)],
      [kw * c * kh, o],
    );
    nameAs(target, node, target.transpose(target.reshape(product, [kw, c, kh, o]), [3, 1, 2, 0]));
  } else if (isPointwise(windows)) {
    const product = target.emit("Gemm", [pointwiseRows(layouts, x, windows), layouts.rows(dy)], [c, o], { transA: 1 });
    nameAs(target, node, target.transpose(product, [1, 0]));
  } else if (o % block === 0 && n % block === 0) {
    nameAs(target, node, imagesAsChannels(layouts, { dy, x }, place));
  } else {
    const patches = blockedPatches(layouts, x, place);
    const product = target.emit("Gemm", [patches, layouts.rows(dy)], [kh * kw * c, o], { transA: 1 });
    nameAs(target, node, target.transpose(target.reshape(product, [kh, kw, c, o]), [3, 2, 0, 1]));
  }
  return true;
}

/** `[O, C, kh, kw]` as the convolution of `[C, N, H, W]` with the filter `[O, N, rows, columns]`. */
function imagesAsChannels(
  layouts: Layouts,
  { dy, x }: { dy: string; x: string },
  { windows, rows, columns }: Place,
): string {
  const { target, block } = layouts;
  const { kernel, strides, before } = windows;
  const [n = 0, c = 0, height = 0, width = 0] = target.shapeOf(x);
  const o = target.shapeOf(dy)[1] ?? 0;
  const images = n / block;

  // The image: through the plain layout and back, which is three copies of whole lines instead of one of single values.
  const swapped = target.transpose(layouts.plain(x), [1, 0, 2, 3]);
  const blocked = target.emit("ReorderInput", [swapped], target.shapeOf(swapped), {}, BLOCKED_DOMAIN);
  const [tall = 0, wide = 0] = [rows, columns].map((places, axis) => (places - 1) * strides[axis] + kernel[axis]);
  // Padding above and below costs the convolution nothing; at the sides it would compute place by place.
  const below = tall - height - before[0];
  const lines = target.pad(target.reshape(blocked, [c * images, height, width * block]), 1, 0, Math.min(0, below));
  const used = height + Math.min(0, below);
  const padded = target.pad(
    target.reshape(lines, [c * images * used, width * block]),
    1,
    before[1] * block,
    (wide - width - before[1]) * block,
  );
  const image = target.reshape(padded, [c, n, used, wide]);

  const parts = target.reshape(layouts.blocked(dy) as string, [images, block, o / block, rows * columns, block]);
  const filter = target.reshape(target.transpose(parts, [2, 0, 3, 1, 4]), [o, n, rows, columns]);
  const attributes = {
    kernel_shape: [rows, columns],
    strides: [1, 1],
    pads: [before[0], 0, Math.max(0, below), 0],
    dilations: strides,
    group: 1,
  };
  const result = target.emit("Conv", [image, filter], [c, o, ...kernel], attributes, BLOCKED_DOMAIN);
  // Blocks of outputs to the front, then single outputs: two transpositions of one axis.
  const places = kernel[0] * kernel[1];
  const byBlock = target.transpose(target.reshape(result, [c, o / block, places * block]), [1, 0, 2]);
  return target.transpose(target.reshape(byBlock, [o / block, c * places, block]), [0, 2, 1]);
}

function isPointwise({ kernel, before, after }: Windows): boolean {
  return kernel[0] === 1 && kernel[1] === 1 && [...before, ...after].every((pad) => pad === 0);
}

/** `[N·rows·columns, C]` of the positions that a pointwise convolution reads: a pool of single values leaves out the rest. */
function pointwiseRows(layouts: Layouts, x: string, windows: Windows): string {
  const { target } = layouts;
  const [n = 0, c = 0, height = 0, width = 0] = target.shapeOf(x);
  const [rows, columns] = [windowCount(windows, 0, height), windowCount(windows, 1, width)];
  if (rows === height && columns === width) return layouts.rows(x);
  const attributes = { kernel_shape: [1, 1], strides: windows.strides, pads: [0, 0, 0, 0] };
  const shape = [n, c, rows, columns];
  const read = target.emit("MaxPool", [layouts.blocked(x) as string], shape, attributes, BLOCKED_DOMAIN);
  const last = { channels: c, channels_last: 1 };
  const byRow = target.emit("ReorderOutput", [read], [n, rows, columns, c], last, BLOCKED_DOMAIN);
  return target.reshape(byRow, [n * rows * columns, c]);
}

interface Place {
  readonly windows: Windows;
  /** Rows and columns of dY. */
  readonly rows: number;
  readonly columns: number;
}

/** `[N·rows·columns, kh·kw·C]`, gathered from the blocked image; outside the image is a block of zeros at its end. */
function blockedPatches(layouts: Layouts, x: string, { windows, rows, columns }: Place): string {
  const { target, block } = layouts;
  const { kernel, strides, before } = windows;
  const [n = 0, c = 0, height = 0, width = 0] = target.shapeOf(x);
  const blocks = c / block;
  const places = blocks * height * width;
  const table = target.pad(target.reshape(layouts.blocked(x) as string, [n, places, block]), 1, 0, 1);
  const indices: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const y = row * strides[0] - before[0] + i;
          const xx = column * strides[1] - before[1] + j;
          const inside = y >= 0 && y < height && xx >= 0 && xx < width;
          for (let b = 0; b < blocks; b++) indices.push(inside ? (b * height + y) * width + xx : places);
        }
      }
    }
  }
  const gathered = target.emit("Gather", [table, target.constant(intTensor(indices))], [n, indices.length, block], {
    axis: 1,
  });
  return target.reshape(gathered, [n * rows * columns, kernel[0] * kernel[1] * c]);
}

/**
 * `[kw·C·kh, N·rows·columns]` for an image of few channels: columns by slices of the whole batch, rows by a `Gather`
 * of whole lines.
 */
function planarPatches(target: GraphBuilder, x: string, { windows, rows, columns }: Place): string {
  const { kernel, strides, before, after } = windows;
  const [n = 0, c = 0] = target.shapeOf(x);
  const padded = target.pad(target.pad(x, 2, before[0], after[0]), 3, before[1], after[1]);
  const planes = target.transpose(padded, [1, 0, 2, 3]);
  const height = target.shapeOf(planes)[2] ?? 0;
  const shifted = Array.from({ length: kernel[1] }, (_, j) =>
    target.slice(planes, 3, j, j + (columns - 1) * strides[1] + 1, strides[1]),
  );
  const lines = target.reshape(target.concat(shifted, 0), [kernel[1] * c, n * height, columns]);
  const indices: number[] = [];
  for (let i = 0; i < kernel[0]; i++) {
    for (let image = 0; image < n; image++) {
      for (let row = 0; row < rows; row++) indices.push(image * height + row * strides[0] + i);
    }
  }
  const gathered = target.emit(
    "Gather",
    [lines, target.constant(intTensor(indices))],
    [kernel[1] * c, indices.length, columns],
    { axis: 1 },
  );
  return target.reshape(gathered, [kernel[1] * c * kernel[0], n * rows * columns]);
}
