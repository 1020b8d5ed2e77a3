import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ownPreprocessing } from "../../src/commands/subject.ts";
import { parsePreprocessing, preprocessingFromJson } from "../../src/data/parse-preprocessing.ts";
import { forChannels, noPreprocessing } from "../../src/data/preprocessing.ts";
import { preprocessingForms, preprocessingPresets } from "../../src/data/preprocessing-presets.ts";
import type { Model } from "../../src/runtime/open-model.ts";
import { folderOf } from "./pictures.ts";

describe("--preprocess", () => {
  it("takes presets by name", async () => {
    expect(Object.keys(preprocessingPresets)).toEqual([
      "imagenet",
      "places365",
      "imagenet-v2",
      "inception",
      "timm",
      "timm-vit",
      "clip",
      "cifar10",
      "tiny-imagenet",
      "tf",
      "caffe",
      "mnist",
      "none",
    ]);
    for (const [name, preset] of Object.entries(preprocessingPresets))
      expect(await parsePreprocessing(name)).toEqual(preset);
    expect(await parsePreprocessing("none")).toEqual(noPreprocessing);
  });

  it("takes a JSON file, whose keys are all optional", async () => {
    const folder = await folderOf({ "p.json": '{"resize": 256, "crop": null, "std": [1, 2, 3]}' });
    expect(await parsePreprocessing(join(folder, "p.json"))).toEqual({
      ...noPreprocessing,
      resize: 256,
      std: [1, 2, 3],
    });
    expect(preprocessingFromJson("{}", "p")).toEqual(noPreprocessing);
  });

  it("takes JSON as it is, and a preset with other values", async () => {
    expect(await parsePreprocessing(' {"preset": "caffe", "resize": [224, 224], "layout": "nhwc"}')).toEqual({
      ...preprocessingPresets["caffe"],
      resize: [224, 224],
      layout: "nhwc",
    });
    expect(await parsePreprocessing('{"orientation": "apply"}')).toEqual({ ...noPreprocessing, orientation: "apply" });
    expect(await parsePreprocessing('{"orientation": "ignore"}')).toEqual(noPreprocessing);
  });

  it("takes one mean and deviation for gray, 0 and 1 where they are left out", () => {
    expect(preprocessingFromJson('{"channels": "gray", "std": [0.5]}', "p")).toEqual({
      ...noPreprocessing,
      channels: "gray",
      mean: [0],
      std: [0.5],
    });
  });

  it("makes gray of three channels that are scaled alike, for an input of one channel, and of no others", () => {
    const alike = { ...noPreprocessing, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
    expect(forChannels(alike, 1)).toEqual({ ...alike, channels: "gray", mean: [0.5], std: [0.25] });
    expect(forChannels(alike, 3)).toBe(alike);
    const colours = { ...noPreprocessing, mean: [0.4, 0.5, 0.5] };
    expect(forChannels(colours, 1)).toBe(colours);
  });

  it("reads back what it is written as", () => {
    for (const preset of Object.values(preprocessingPresets))
      expect(preprocessingFromJson(JSON.stringify(preset), "p")).toEqual(preset);
  });

  it("refuses unknown names and files", async () => {
    await expect(parsePreprocessing("toString")).rejects.toThrow(
      'option "preprocess": expected imagenet, places365, imagenet-v2, inception, timm, timm-vit, clip, cifar10, tiny-imagenet, tf, caffe, mnist, none, JSON or a .json file, got "toString"',
    );
    await expect(parsePreprocessing("/none/p.json")).rejects.toThrow(
      "/none/p.json: expected a JSON file of preprocessing, got none there",
    );
  });

  it("lists presets in one order, wherever a network's preprocessing is asked for", async () => {
    await expect(parsePreprocessing("toString")).rejects.toThrow(`expected ${preprocessingForms}, got`);
    const unsaid: unknown = { name: "m.onnx", metadata: new Map() };
    expect(() => ownPreprocessing(unsaid as Model)).toThrow(`give option "preprocess" ${preprocessingForms}`);
  });

  it.each([
    [
      '{"size": 3}',
      "p: expected keys preset, resize, crop, interpolation, range, mean, std, mean_image, orientation, ",
    ],
    ['{"preset": "vgg"}', 'p: "preset": expected imagenet, places365,'],
    ['{"resize": [3]}', 'p: "resize": expected a whole number'],
    ['{"orientation": "turn"}', 'p: "orientation": expected "ignore" or "apply", got "turn"'],
    [
      '{"resize": 2.5}',
      'p: "resize": expected a whole number of pixels from 1 to 65536, two of them for height and width, or null, got 2.5',
    ],
    ['{"crop": "224"}', 'p: "crop": expected a whole number of pixels from 1 to 65536, or null, got "224"'],
    ['{"mean": [1, 2]}', 'p: "mean": expected three numbers (one for gray, four for rgba), got [1,2]'],
    ['{"std": [1, 0, 1]}', 'p: "std": expected three numbers (one for gray, four for rgba) above 0, got [1,0,1]'],
    ['{"range": [1, 1]}', 'p: "range": expected two different numbers, got [1,1]'],
    ['{"channels": "grey"}', 'p: "channels": expected "rgb", "bgr", "gray" or "rgba", got "grey"'],
    [
      '{"channels": "gray", "mean": [1, 2, 3]}',
      'p: "mean": expected three numbers (one for gray, four for rgba), got [1,2,3]',
    ],
    ['{"std": [1]}', 'p: "std": expected three numbers (one for gray, four for rgba) above 0, got [1]'],
    ['{"interpolation": "area"}', 'p: "interpolation": expected "bilinear", "bicubic" or "nearest", got "area"'],
    ['{"layout": null}', 'p: "layout": expected "nchw" or "nhwc", got null'],
    ["[1]", "p: expected a JSON object, got [1]"],
    ["{", "p: expected JSON, got: "],
  ])("refuses %s", (text, message) => {
    expect(() => preprocessingFromJson(text, "p")).toThrow(message);
  });

  it("cuts what is long where it quotes it", async () => {
    const long = `[${Array.from({ length: 400 }, (_, i) => i).join(",")}]`;
    const pixels = "a whole number of pixels from 1 to 65536, two of them for height and width, or null";
    const refused = async (given: string): Promise<string> =>
      await parsePreprocessing(given).then(String, (error: Error) => error.message);
    expect(await refused(`{"resize": ${long}}`)).toBe(
      `option "preprocess": "resize": expected ${pixels}, got ${long.slice(0, 79)}…`,
    );
    expect(await refused(long)).toBe(`option "preprocess": expected ${preprocessingForms}, got "${long.slice(0, 78)}…`);
    expect(await refused(`{"${long}": 1}`)).toContain(`got "${long.slice(0, 78)}…`);
  });
});
