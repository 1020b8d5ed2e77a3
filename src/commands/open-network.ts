/** A network at the size of the images that it will see, where its file takes any. */
import { setInputSize } from "../data/image-batches.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import { type Model, type OpenOptions, openModel } from "../runtime/open-model.ts";

/**
 * Opens a network. The size that its file leaves open is that of the preprocessing's result, else that of the first image.
 *
 * @param options.preprocessing where it is known before the network is.
 * @param options.images opens the images; called where only they tell the size.
 * @throws {UnitscopeError} what `openModel` throws, and what `images` does.
 */
export async function openNetwork(
  path: string,
  {
    preprocessing,
    images,
    ...options
  }: Pick<OpenOptions, "output" | "label"> & {
    readonly preprocessing: Preprocessing | undefined;
    readonly images: () => Promise<ImageSet>;
  },
): Promise<Model> {
  try {
    return await openModel(path, { ...options, size: preprocessing && sizeAfter(preprocessing) });
  } catch (cause) {
    if (!(cause instanceof UnitscopeError) || cause.details["needs"] !== "size") throw cause;
    if (!preprocessing) {
      const rule = "expected an image input of fixed size, or to be told how images are preprocessed, got neither";
      throw new UnitscopeError("model", `model "${path}": ${rule}; give option "preprocess"`, { cause });
    }
    const { height, width } = await setInputSize(await images(), preprocessing);
    return await openModel(path, { ...options, size: [height, width] });
  }
}

/** Height and width of the images that a preprocessing gives, where it says. */
function sizeAfter({ resize, crop }: Preprocessing): readonly [number, number] | undefined {
  if (crop !== null) return [crop, crop];
  return typeof resize === "object" && resize !== null ? [resize[0], resize[1]] : undefined;
}
