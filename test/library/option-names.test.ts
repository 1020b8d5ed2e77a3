/** Options that a call of the library does not know are refused, with the one that was probably meant. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import * as library from "../../src/index.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "../shards/shared-study.ts";

const {
  ablate,
  ablateLabels,
  cifar10,
  modelFromBytes,
  openImageSet,
  openModel,
  runAblate,
  runFigures,
  study,
  trainModel,
} = library;

let folder: string;
let model: string;
let data: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ({ model, data } = await writeStudy(folder, 16));
});

/** A call from JavaScript, which no compiler checks. */
const given = (options: object): never => options as never;

test("a misspelt option is named with the nearest one that there is", async () => {
  const [network, images] = [await openModel(model), await openImageSet(data)];
  await expect(ablate(network, images, given({ layer: ["conv5"] }))).rejects.toMatchObject({
    code: "usage",
    message:
      'option "layer": expected one of layers, all, method, draws, engine, continuous, verify, preprocessing, until, budget, … (17 in all), got a name that ablate does not know; did you mean "layers"?',
  });
  await expect(ablate(network, images, given({ preprocess: "none" }))).rejects.toThrow('did you mean "preprocessing"?');
  await expect(ablate(network, images, given({ xyz: 1 }))).rejects.toThrow(/does not know$/);
});

test("an option that stands in another place is told which", async () => {
  const [network, images] = [await openModel(model), await openImageSet(data)];
  await expect(ablate(network, images, given({ limit: 2 }))).rejects.toThrow("; it belongs to openImageSet");
  await expect(ablate(network, images, given({ output: "y" }))).rejects.toThrow("; it belongs to openModel");
  await expect(openModel(model, given({ limit: 2 }))).rejects.toThrow("; it belongs to openImageSet");
  const out = join(folder, "misplaced");
  await expect(runAblate(model, data, given({ out, progress: () => {} }))).rejects.toThrow(
    "; it belongs to the effects, which come last",
  );
  await expect(runAblate(model, data, { out }, given({ limit: 2 }))).rejects.toThrow(
    "; it belongs to the options, which come before",
  );
  expect(existsSync(out)).toBe(false);
});

test.each([
  ["runAblate", "limits", "limit", (options: object) => runAblate(model, data, given(options))],
  ["ablateLabels", "lable", "label", (options: object) => ablateLabels(model, data, given(options))],
  ["study", "quik", "quick", (options: object) => study(model, data, given(options))],
  ["trainModel", "epoch", "epochs", (options: object) => trainModel("alexnet", data, given(options))],
  [
    "trainModel's architecture",
    "batchnorm",
    "batchNorm",
    (architecture: object) => trainModel("alexnet", data, given({ architecture, out: "no.onnx", command: "" })),
  ],
  ["runFigures", "sing", "sign", (options: object) => runFigures(folder, given(options))],
  ["openImageSet", "limits", "limit", (options: object) => openImageSet(data, given(options))],
  ["openModel", "outputs", "output", (options: object) => openModel(model, given(options))],
  ["modelFromBytes", "outputs", "output", (options: object) => modelFromBytes(new Uint8Array(), given(options))],
  ["cifar10", "limits", "limit", (options: object) => cifar10("test", given(options))],
])("%s refuses %s", async (call, name, near, run) => {
  await expect(run({ [name]: 1 })).rejects.toThrow(`got a name that ${call} does not know; did you mean "${near}"?`);
});

test("an option that is undefined is none", async () => {
  expect((await openModel(model, given({ outputs: undefined }))).classCount).toBeGreaterThan(1);
});
