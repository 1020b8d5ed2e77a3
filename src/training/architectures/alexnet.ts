/**
 * AlexNet (Krizhevsky, Sutskever, Hinton 2012, in the one-tower shape of Krizhevsky 2014), at three image sizes.
 *
 * At 32×32 and 64×64 the structure is kept (five convolutions, overlapping pools behind the first, second and fifth,
 * three fully connected layers, dropout on fc6 and fc7) with small kernels and widths; at 64×64 the first convolution has
 * stride 2. At 224×224 it is torchvision's shape.
 */
import { UnitscopeError } from "../../errors.ts";
import { type Network, writeNetwork } from "./network.ts";

/** What can be chosen about an AlexNet. */
export interface AlexNetOptions {
  readonly classCount: number;
  /** Side of the input in pixels: 32, 64 or 224. */
  readonly imageSize?: number;
  /** Units of the five convolutions. */
  readonly widths?: readonly number[];
  /** Units of fc6 and fc7. */
  readonly fullyConnected?: readonly [number, number];
  /** Batch normalisation on every convolution. */
  readonly batchNorm?: boolean;
  /** Probability with which dropout silences a unit of fc6 and fc7. */
  readonly dropout?: number;
  /** Probability with which a whole channel of a layer is silenced, by layer name: `{ conv5: 0.5 }`. */
  readonly channelDropout?: Readonly<Record<string, number>>;
}

interface Shape {
  readonly widths: readonly number[];
  readonly fullyConnected: readonly [number, number];
  readonly kernels: readonly number[];
  readonly pads: readonly number[];
  readonly firstStride: number;
  readonly poolPad: number;
  /** Side of the last pool's output. */
  readonly lastSize: number;
}

const shapes: Readonly<Record<number, Shape>> = {
  32: {
    widths: [32, 64, 96, 96, 96],
    fullyConnected: [256, 256],
    kernels: [5, 3, 3, 3, 3],
    pads: [2, 1, 1, 1, 1],
    firstStride: 1,
    poolPad: 1,
    lastSize: 4,
  },
  // 41 million multiplications an image with 100 classes.
  64: {
    widths: [48, 96, 128, 128, 128],
    fullyConnected: [512, 256],
    kernels: [5, 3, 3, 3, 3],
    pads: [2, 1, 1, 1, 1],
    firstStride: 2,
    poolPad: 1,
    lastSize: 4,
  },
  224: {
    widths: [64, 192, 384, 256, 256],
    fullyConnected: [4096, 4096],
    kernels: [11, 5, 3, 3, 3],
    pads: [2, 2, 1, 1, 1],
    firstStride: 4,
    poolPad: 0,
    lastSize: 6,
  },
};

/**
 * Defines an AlexNet with layers conv1…conv5, fc6, fc7, fc8.
 * @throws {UnitscopeError} `usage` for an image size other than 32, 64 and 224, or options that do not fit.
 */
export function alexNet({
  classCount,
  imageSize = 32,
  widths: chosenWidths,
  fullyConnected: chosenConnected,
  batchNorm = false,
  dropout = 0.5,
  channelDropout = {},
}: AlexNetOptions): Network {
  const shape = shapes[imageSize];
  if (!shape) throw new UnitscopeError("usage", `image size: expected 32, 64 or 224, got ${imageSize}`);
  const widths = chosenWidths ?? shape.widths;
  if (widths.length !== 5) {
    throw new UnitscopeError("usage", `widths: expected five of them, got ${widths.length}`);
  }
  const connected = chosenConnected ?? shape.fullyConnected;
  for (const layer of Object.keys(channelDropout)) {
    if (!/^conv[1-5]$/.test(layer)) {
      throw new UnitscopeError("layer", `channel dropout: expected a layer of conv1 … conv5, got "${layer}"`);
    }
  }
  return writeNetwork({ name: "alexnet", imageSize, classCount }, (write) => {
    let x = "input";
    let inputs = 3;
    widths.forEach((outputs, i) => {
      const number = i + 1;
      const layer = `conv${number}`;
      x = write.conv("", layer, x, {
        inputs,
        outputs,
        kernel: shape.kernels[i],
        stride: i === 0 ? shape.firstStride : 1,
        pad: shape.pads[i],
        bias: !batchNorm,
      });
      if (batchNorm) x = write.batchNorm("", `bn${number}`, x, outputs);
      x = write.relu("", `relu${number}`, x);
      write.layer(layer, x);
      x = write.dropout(`drop${number}`, x, [outputs, 1, 1], channelDropout[layer] ?? 0);
      if (i === 0 || i === 1 || i === 4) {
        x = write.maxPool(`pool${number}`, x, { kernel: 3, stride: 2, pad: shape.poolPad });
      }
      inputs = outputs;
    });
    x = write.flatten("flatten", x);
    let features = inputs * shape.lastSize ** 2;
    connected.forEach((outputs, i) => {
      const number = 6 + i;
      x = write.linear(`fc${number}`, x, { inputs: features, outputs });
      x = write.relu("", `relu${number}`, x);
      write.layer(`fc${number}`, x);
      x = write.dropout(`drop${number}`, x, [outputs], dropout);
      features = outputs;
    });
    const logits = write.linear("fc8", x, { inputs: features, outputs: classCount, last: true });
    write.layer("fc8", logits);
    return logits;
  });
}
