/** `--preprocess`: a preset by name or a JSON file; and the same JSON out of a model's metadata. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { channelCount, forChannels, noPreprocessing, type Preprocessing } from "./preprocessing.ts";

/** Mean and standard deviation of ImageNet's training images, as torchvision's and Places365's networks use them. */
const imagenetScale = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** The presets. Where their constants come from is in docs/data.md. */
export const preprocessingPresets: Readonly<Record<string, Preprocessing>> = {
  imagenet: { ...noPreprocessing, resize: 256, crop: 224, ...imagenetScale },
  places365: { ...noPreprocessing, resize: 256, crop: 224, ...imagenetScale },
  cifar10: { ...noPreprocessing, mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  "tiny-imagenet": { ...noPreprocessing, mean: [0.4818, 0.4505, 0.3985], std: [0.275, 0.2666, 0.2796] },
  tf: { ...noPreprocessing, resize: 256, crop: 224, range: [-1, 1], layout: "nhwc" },
  caffe: {
    ...noPreprocessing,
    resize: 256,
    crop: 224,
    range: [0, 255],
    mean: [103.939, 116.779, 123.68],
    channels: "bgr",
  },
  mnist: { ...noPreprocessing, mean: [0.1307], std: [0.3081], channels: "gray" },
  none: noPreprocessing,
};

const pixelCount = z.int().min(1).max(65_536).nullable();
const perChannel = z.array(z.number());
const schema = z
  .strictObject({
    resize: pixelCount.optional(),
    crop: pixelCount.optional(),
    interpolation: z.enum(["bilinear", "nearest"]).optional(),
    range: z
      .tuple([z.number(), z.number()])
      .refine(([low, high]) => low !== high)
      .optional(),
    mean: perChannel.optional(),
    std: perChannel.refine((values) => values.every((value) => value > 0)).optional(),
    channels: z.enum(["rgb", "bgr", "gray"]).optional(),
    layout: z.enum(["nchw", "nhwc"]).optional(),
  })
  .superRefine(({ mean, std, channels = "rgb" }, context) => {
    const count = channelCount({ channels });
    if (mean && mean.length !== count) context.addIssue({ code: "custom", path: ["mean"] });
    if (std && std.length !== count) context.addIssue({ code: "custom", path: ["std"] });
  });

/** What every key must be, in words, for messages. */
const rules: Readonly<Record<keyof Preprocessing, string>> = {
  resize: "a whole number of pixels from 1 to 65536, or null",
  crop: "a whole number of pixels from 1 to 65536, or null",
  interpolation: '"bilinear" or "nearest"',
  range: "two different numbers",
  mean: "three numbers (one for gray)",
  std: "three numbers (one for gray) above 0",
  channels: '"rgb", "bgr" or "gray"',
  layout: '"nchw" or "nhwc"',
};

/**
 * The preprocessing that `--preprocess` names: a preset, else a JSON file.
 *
 * @throws {UnitscopeError} `usage` if it is neither, `file` if the file cannot be read, `value` if its content does
 * not fit.
 */
export async function parsePreprocessing(nameOrFile: string): Promise<Preprocessing> {
  const preset = Object.hasOwn(preprocessingPresets, nameOrFile) ? preprocessingPresets[nameOrFile] : undefined;
  if (preset) return preset;
  if (!nameOrFile.toLowerCase().endsWith(".json")) {
    const names = Object.keys(preprocessingPresets).join(", ");
    throw new UnitscopeError("usage", `--preprocess: expected ${names} or a .json file, got "${nameOrFile}"`);
  }
  let text: string;
  try {
    text = await readFile(nameOrFile, "utf8");
  } catch (cause) {
    throw diskError(nameOrFile, cause, { rule: "a JSON file of preprocessing" });
  }
  return preprocessingFromJson(text, nameOrFile);
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
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnitscopeError("value", `${place}: expected JSON, got: ${messageOf(cause)}`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    const given = Object.entries(parsed.data).filter(([, each]) => each !== undefined);
    const base = parsed.data.channels === "gray" ? forChannels(noPreprocessing, 1) : noPreprocessing;
    return { ...base, ...(Object.fromEntries(given) as Partial<Preprocessing>) };
  }
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    throw new UnitscopeError(
      "value",
      `${place}: expected keys ${Object.keys(rules).join(", ")}, got "${issue.keys[0]}"`,
    );
  }
  const key = issue?.path[0] as keyof Preprocessing | undefined;
  if (key === undefined) {
    throw new UnitscopeError("value", `${place}: expected a JSON object, got ${JSON.stringify(value)}`);
  }
  const got = JSON.stringify((value as Record<string, unknown>)[key]);
  throw new UnitscopeError("value", `${place}: "${key}": expected ${rules[key]}, got ${got}`);
}
