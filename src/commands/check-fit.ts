/** Whether a network can be shown an image set: layout, channels and size of its input against what preprocessing gives. */
import { isArranged, setInputSize } from "../data/image-batches.ts";
import type { ImageSet } from "../data/image-set.ts";
import { channelCount, type Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import type { Model } from "../runtime/open-model.ts";

/** Four channels come from arrays of the input's size only. */
function checkFourChannels(images: ImageSet, preprocessing: Preprocessing, input: string): void {
  const stored = images.pixels?.channels ?? 3;
  const isWanted = preprocessing.channels === "rgba";
  if (!isWanted && stored !== 4) return;
  if (isWanted && stored === 4 && isArranged(images, preprocessing)) return;
  const [expected, got] = isWanted
    ? ["arrays (.npz) of four channels and of its size", stored === 4 ? "arrays of another size" : "others"]
    : [`images of ${channelCount(preprocessing)} channels`, "four"];
  throw new UnitscopeError("data", `data "${images.name}": expected ${expected} for input "${input}", got ${got}`);
}

/**
 * Checks that a model can be shown an image set.
 * @param place what to call the model in messages.
 * @throws {UnitscopeError} `model`, `data` or `usage`, naming what does not fit.
 */
export async function checkFit(
  { model, images, preprocessing }: { model: Pick<Model, "input">; images: ImageSet; preprocessing: Preprocessing },
  place: string,
): Promise<void> {
  if (images.imageCount === 0) {
    throw new UnitscopeError("data", `data "${images.name}": expected at least one image, got none`);
  }
  if (preprocessing.layout !== model.input.layout) {
    throw new UnitscopeError(
      "usage",
      `${place}: expected preprocessing with layout "${model.input.layout}" for input "${model.input.name}", got "${preprocessing.layout}"; give option "preprocess" FILE.json`,
    );
  }
  if (channelCount(preprocessing) !== model.input.channels) {
    const expected = { 1: '"gray"', 3: '"rgb" or "bgr"', 4: '"rgba"' }[model.input.channels];
    throw new UnitscopeError(
      "usage",
      `${place}: expected preprocessing with channels ${expected} for input "${model.input.name}" with ${model.input.channels} of them, got one for ${channelCount(preprocessing)}; give option "preprocess" FILE.json`,
    );
  }
  checkFourChannels(images, preprocessing, model.input.name);
  const size = await setInputSize(images, preprocessing);
  const { height, width } = model.input;
  if ((height !== null && height !== size.height) || (width !== null && width !== size.width)) {
    throw new UnitscopeError(
      "usage",
      `${place}: expected images of ${width}×${height} pixels, got ${size.width}×${size.height} from data "${images.name}"; set "resize" and "crop" with option "preprocess" FILE.json`,
    );
  }
}
