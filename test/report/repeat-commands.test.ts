/** The page's commands say what was done: options that matter, nothing of where somebody's files lie. */
import { expect, test } from "vitest";
import { commandsOf, notesOf } from "../../src/report/repeat-commands.ts";
import type { ManifestStep } from "../../src/runs/run-manifest.ts";
import { exampleManifest } from "../runs/example-run.ts";

const step = (command: string, options: ManifestStep["options"] = {}): ManifestStep => ({
  command,
  options,
  finished: "2024-05-01T11:00:00.000Z",
  timings: {},
});
const manifest = {
  ...exampleManifest,
  model: { name: "net.onnx", path: "/home/ada/net.onnx", sha256: "ab".repeat(32) },
  data: { name: "/home/ada/photos/", hash: "cd".repeat(32), images: 40 },
  options: { limit: 20, preprocess: "C:\\ada\\own.json" },
  ablation: { method: "mean" },
  layers: exampleManifest.layers.slice(0, 1),
};
const subject = `net.onnx photos --layers ${manifest.layers[0]?.name} --method mean --limit 20 --preprocess own.json`;

test("single commands come with the options that differ from the usual ones", () => {
  const steps = [
    step("attributes --concepts", { concepts: ["builtin", "/data/broden"] }),
    step("attributes", { pool: "max", shuffles: 200, topImages: 9 }),
    step("sets", { strategies: ["greedy", "random"], size: 10, randomSequences: 20 }),
    step("rotate", { seeds: 2, fractions: [1], pca: false }),
  ];
  expect(commandsOf({ ...manifest, steps })).toEqual([
    `unitscope ablate ${subject} --out runs/again`,
    "unitscope attributes runs/again --pool max --concepts builtin,broden",
    "unitscope sets runs/again --strategy greedy,random --size 10 --random-sequences 20",
    "unitscope rotate runs/again --seeds 2 --no-pca",
    "unitscope report runs/again",
  ]);
  expect(notesOf({ ...manifest, steps })).toEqual([]);
});

test("a study is repeated by a study, unless something was done to the run since", () => {
  const study = step("study", { quick: true, concepts: [], layers: ["conv5"], limit: 20 });
  const steps = [step("sets", { size: 10 }), study];
  expect(commandsOf({ ...manifest, steps })).toEqual([
    `unitscope study ${subject} --no-concepts --quick --out runs/again`,
  ]);
  expect(notesOf({ ...manifest, steps })[0]).toMatch(/first look .*at most 20 images of every class \(40 in all\)/);
  const later = { ...manifest, steps: [...steps, step("rotate", { seeds: 5, pca: true })] };
  expect(commandsOf(later)).toContain("unitscope rotate runs/again");
  expect(commandsOf(later)).not.toContain("unitscope study runs/again");
  expect(notesOf(later)).toEqual([]);
});
