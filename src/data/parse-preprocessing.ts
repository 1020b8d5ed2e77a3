/** `--preprocess`: a preset by name, JSON or a JSON file; and the same JSON out of a model's metadata. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { parseJson } from "../files/parse-json.ts";
import * as z from "../files/zod.ts";
import { meanImageFile } from "./mean-image.ts";
import { channelCount, forChannels, type Preprocessing } from "./preprocessing.ts";
import { preprocessingForms, preprocessingPresets } from "./preprocessing-presets.ts";

const pixelCount = z.int().min(1).max(65_536);
const perChannel = z.array(z.number());
const schema = z
  .strictObject({
    preset: z.enum(Object.keys(preprocessingPresets)).optional(),
    resize: z
      .union([pixelCount, z.tuple([pixelCount, pixelCount])])
      .nullable()
      .optional(),
    crop: pixelCount.nullable().optional(),
    interpolation: z.enum(["bilinear", "bicubic", "nearest"]).optional(),
    range: z
      .tuple([z.number(), z.number()])
      .refine(([low, high]) => low !== high)
      .optional(),
    mean: perChannel.optional(),
    std: perChannel.refine((values) => values.every((value) => value > 0)).optional(),
    mean_image: z.union([z.string(), z.strictObject({ path: z.string(), sha256: z.string() })]).optional(),
    orientation: z.enum(["ignore", "apply"]).optional(),
    channels: z.enum(["rgb", "bgr", "gray", "rgba"]).optional(),
    layout: z.enum(["nchw", "nhwc"]).optional(),
  })
  .superRefine(({ mean, std, preset = "none", channels = preprocessingPresets[preset].channels }, context) => {
    const count = channelCount({ channels });
    if (mean && mean.length !== count) context.addIssue({ code: "custom", path: ["mean"] });
    if (std && std.length !== count) context.addIssue({ code: "custom", path: ["std"] });
  });

/** What every key must be, in words, for messages. */
const rules: Readonly<Record<keyof z.infer<typeof schema>, string>> = {
  preset: Object.keys(preprocessingPresets).join(", "),
  resize: "a whole number of pixels from 1 to 65536, two of them for height and width, or null",
  crop: "a whole number of pixels from 1 to 65536, or null",
  interpolation: '"bilinear", "bicubic" or "nearest"',
  range: "two different numbers",
  mean: "three numbers (one for gray, four for rgba)",
  std: "three numbers (one for gray, four for rgba) above 0",
  mean_image: "a .npy or .binaryproto file",
  orientation: '"ignore" or "apply"',
  channels: '"rgb", "bgr", "gray" or "rgba"',
  layout: '"nchw" or "nhwc"',
};

/**
 * The preprocessing that `--preprocess` names: a preset, else JSON, else a JSON file.
 *
 * @throws {UnitscopeError} `usage` if it is neither, `file` if the file cannot be read, `value` if its content does
 * not fit.
 */
export async function parsePreprocessing(nameOrFile: string): Promise<Preprocessing> {
  const preset = Object.hasOwn(preprocessingPresets, nameOrFile) ? preprocessingPresets[nameOrFile] : undefined;
  if (preset) return preset;
  if (nameOrFile.trimStart().startsWith("{")) return withMeanImage(nameOrFile, 'option "preprocess"', ".");
  if (!nameOrFile.toLowerCase().endsWith(".json")) {
    throw new UnitscopeError("usage", `option "preprocess": expected ${preprocessingForms}, got ${quoted(nameOrFile)}`);
  }
  let text: string;
  try {
    text = await readFile(nameOrFile, "utf8");
  } catch (cause) {
    throw diskError(nameOrFile, cause, { rule: "a JSON file of preprocessing" });
  }
  return withMeanImage(text, nameOrFile, dirname(nameOrFile));
}

/** What `--preprocess` names, as it can be given in any folder: a file by its absolute path. */
export function absolutePreprocessing(nameOrFile: string): string {
  const isFile = !Object.hasOwn(preprocessingPresets, nameOrFile) && !nameOrFile.trimStart().startsWith("{");
  return isFile ? resolve(nameOrFile) : nameOrFile;
}

/** The same, with the mean image's file looked at; its path starts from `folder`. */
async function withMeanImage(text: string, place: string, folder: string): Promise<Preprocessing> {
  const { meanImage, ...rest } = preprocessingFromJson(text, place);
  return meanImage ? { ...rest, meanImage: await meanImageFile(resolve(folder, meanImage.path)) } : rest;
}

/**
 * Preprocessing out of JSON text; keys that are left out are those of `none`.
 *
 * @param place what to call the text in messages.
 * @throws {UnitscopeError} `value` if it is not JSON, has an unknown key, or a value that does not fit.
 */
export function preprocessingFromJson(text: string, place: string): Preprocessing {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new UnitscopeError("value", `${place}: expected JSON, got: ${messageOf(cause)}`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    const { preset = "none", mean_image: file, orientation, ...keys } = parsed.data;
    const given = Object.entries(keys).filter(([, each]) => each !== undefined);
    const from = preprocessingPresets[preset];
    const preprocessing = {
      ...forChannels(
        from,
        keys.channels === undefined ? channelCount(from) : channelCount({ channels: keys.channels }),
      ),
      ...(Object.fromEntries(given) as Partial<Preprocessing>),
      ...(file !== undefined && { meanImage: typeof file === "string" ? { path: file, sha256: "" } : file }),
      ...(orientation === "apply" && { orientation }),
    };
    const { mean, std } = preprocessing;
    const count = channelCount(preprocessing);
    if (mean.length === count && std.length === count) return preprocessing;
    const missing = mean.length === count ? "std" : "mean";
    throw new UnitscopeError(
      "value",
      `${place}: expected "${missing}" to be ${rules[missing]} for channels "${preprocessing.channels}", got the ${preprocessing[missing].length} of preset "${preset}"`,
    );
  }
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    throw new UnitscopeError(
      "value",
      `${place}: expected keys ${Object.keys(rules).join(", ")}, got ${quoted(issue.keys[0])}`,
    );
  }
  const key = issue?.path[0] as keyof typeof rules | undefined;
  if (key === undefined) {
    throw new UnitscopeError("value", `${place}: expected a JSON object, got ${quoted(value)}`);
  }
  const got = quoted((value as Record<string, unknown>)[key]);
  throw new UnitscopeError("value", `${place}: "${key}": expected ${rules[key]}, got ${got}`);
}

/** A value as JSON for a message, cut where it is long. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
