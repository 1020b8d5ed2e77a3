/** Opening models and image sets by callers: an option that is not known is refused. */
import type { ImageSet } from "../data/image-set.ts";
import { openImageSet as openAnyImageSet, type OpenOptions as SetOptions } from "../data/open-image-set.ts";
import {
  type Model,
  type OpenOptions as ModelOptions,
  modelFromBytes as modelFromAnyBytes,
  openModel as openAnyModel,
} from "../runtime/open-model.ts";
import { type OptionNames, requireKnown } from "./option-names.ts";

/** Options of `openImageSet`. */
export const imageSetOptions: OptionNames<SetOptions> = {
  limit: true,
  root: true,
  severalLabels: true,
  skipUnreadable: true,
  cacheDir: true,
  orient: true,
  tolerant: true,
  progress: true,
  signal: true,
};

/** Options of `openModel`. */
export const modelOptions: OptionNames<ModelOptions> = { output: true, label: true, size: true };

/**
 * Opens a data set: whatever `DATA` may be on the command line.
 * @throws {UnitscopeError} `usage` if there is no such data set or option, `file` or `data` if it cannot be read or is not
 *   what it should be; `download` if it had to be fetched and could not.
 */
export async function openImageSet(spec: string, options: SetOptions = {}): Promise<ImageSet> {
  requireKnown("openImageSet", options, imageSetOptions, { openModel: modelOptions });
  return await openAnyImageSet(spec, options);
}

/**
 * Opens a model file.
 * @throws {UnitscopeError} `file` if it cannot be read; `model` if it is not an ONNX image classifier; `usage` for an
 *   option that is not known.
 */
export async function openModel(path: string, options: ModelOptions = {}): Promise<Model> {
  requireKnown("openModel", options, modelOptions, { openImageSet: imageSetOptions });
  return await openAnyModel(path, options);
}

/** Opens a model from the content of its file. @throws {UnitscopeError} as `openModel`. */
export async function modelFromBytes(
  bytes: Uint8Array,
  options: ModelOptions & { path?: string } = {},
): Promise<Model> {
  requireKnown("modelFromBytes", options, { ...modelOptions, path: true }, { openImageSet: imageSetOptions });
  return await modelFromAnyBytes(bytes, options);
}
