/**
 * ResNet-18 (He et al. 2016) in torchvision's naming: the original stem (7×7/2 and a pool) at 224×224, a 3×3 stem at
 * 32×32. `width` is the first stage's; the others have 2, 4 and 8 times as many units.
 */
import { UnitscopeError } from "../../errors.ts";
import { type Network, type NetworkWriter, writeNetwork } from "./network.ts";

/** What can be chosen about a ResNet-18. */
export interface ResNetOptions {
  readonly classCount: number;
  /** Side of the input in pixels: 32, 64 or 224. */
  readonly imageSize?: number;
  /** Units of the first stage; 64 in the paper. */
  readonly width?: number;
}

/**
 * Defines a ResNet-18 with layers `conv1`, `layer1.0.conv1`, `layer1.0.conv2`, `layer1.0` (a block's output), … `fc`.
 * @throws {UnitscopeError} `usage` for an image size other than 32, 64 and 224.
 */
export function resNet18({ classCount, imageSize = 32, width = 64 }: ResNetOptions): Network {
  if (![32, 64, 224].includes(imageSize)) {
    throw new UnitscopeError("usage", `image size: expected 32, 64 or 224, got ${imageSize}`);
  }
  return writeNetwork({ name: "resnet18", imageSize, classCount }, (write) => {
    const stem = imageSize === 224 ? { kernel: 7, stride: 2, pad: 3 } : { kernel: 3, stride: imageSize / 32, pad: 1 };
    let x = write.conv("", "conv1", "input", { inputs: 3, outputs: width, ...stem, bias: false });
    x = write.relu("", "relu", write.batchNorm("", "bn1", x, width));
    write.layer("conv1", x);
    if (imageSize === 224) x = write.maxPool("maxpool", x, { kernel: 3, stride: 2, pad: 1 });
    let inputs = width;
    for (let stage = 1; stage <= 4; stage++) {
      const outputs = width * 2 ** (stage - 1);
      for (let block = 0; block < 2; block++) {
        const stride = stage > 1 && block === 0 ? 2 : 1;
        x = basicBlock(write, `layer${stage}.${block}`, x, { inputs, outputs, stride });
        inputs = outputs;
      }
    }
    x = write.flatten("flatten", write.globalAveragePool("avgpool", x));
    const logits = write.linear("fc", x, { inputs, outputs: classCount, last: true });
    write.layer("fc", logits);
    return logits;
  });
}

/** Two 3×3 convolutions beside a shortcut, which is a 1×1 convolution where the shape changes. */
function basicBlock(
  write: NetworkWriter,
  name: string,
  x: string,
  { inputs, outputs, stride }: { inputs: number; outputs: number; stride: number },
): string {
  const scope = `/${name.split(".")[0]}/${name}`;
  const kernel = { kernel: 3, pad: 1, bias: false };
  let y = write.conv(scope, "conv1", x, { inputs, outputs, stride, ...kernel });
  y = write.relu(scope, "relu", write.batchNorm(scope, "bn1", y, outputs));
  write.layer(`${name}.conv1`, y);
  y = write.conv(scope, "conv2", y, { inputs: outputs, outputs, ...kernel });
  y = write.batchNorm(scope, "bn2", y, outputs);
  write.layer(`${name}.conv2`, y);
  let shortcut = x;
  if (stride !== 1 || inputs !== outputs) {
    const inner = `${scope}/downsample`;
    shortcut = write.conv(inner, "downsample.0", x, { inputs, outputs, kernel: 1, stride, bias: false });
    shortcut = write.batchNorm(inner, "downsample.1", shortcut, outputs);
    write.layer(`${name}.downsample.0`, shortcut);
  }
  const output = write.relu(scope, "relu_1", write.add(scope, y, shortcut));
  write.layer(name, output);
  return output;
}
