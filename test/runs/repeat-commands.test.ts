/** The page's commands say what was done: options that matter, nothing of where somebody's files lie. */
import type { Command } from "commander";
import { expect, test } from "vitest";
import { ablationKey } from "../../src/ablation/ablation-methods.ts";
import { ablateCommand, ablateOptions } from "../../src/cli/commands/ablate.ts";
import { attributesCommand, attributesOptions } from "../../src/cli/commands/attributes.ts";
import { repairCommand } from "../../src/cli/commands/repair.ts";
import { rotateCommand } from "../../src/cli/commands/rotate.ts";
import { setsCommand, setsOptions } from "../../src/cli/commands/sets.ts";
import { studyCommand } from "../../src/cli/commands/study.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { againFolder, commandsOf, jointCommands, notesOf } from "../../src/runs/repeat-commands.ts";
import type { ManifestStep } from "../../src/runs/run-manifest.ts";
import { exampleManifest } from "./example-run.ts";

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
    step("attributes --concepts", { concepts: ["builtin", "/data/broden"], shuffles: 499, seed: 1 }),
    step("attributes", { pool: "max", shuffles: 200, topImages: 9, seed: 1 }),
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

test("on this machine files and folders come with their paths", () => {
  const here = { ...manifest, data: { ...manifest.data, path: "/home/ada/photos" } };
  const steps = [
    step("attributes --concepts", { concepts: ["/data/broden"], seed: 1 }),
    step("attributes", { seed: 1 }),
  ];
  expect(commandsOf({ ...here, steps }, "it's", { isHere: true }).slice(0, 2)).toEqual([
    String.raw`unitscope ablate /home/ada/net.onnx /home/ada/photos --layers ${manifest.layers[0]?.name} --method mean --limit 20 --preprocess 'C:\ada\own.json' --out 'it'\''s'`,
    String.raw`unitscope attributes 'it'\''s' --concepts /data/broden`,
  ]);
});

test("a study is repeated by a study, unless something was done to the run since", () => {
  const asked = "net.onnx photos --layers conv4 --limit 20 --preprocess own.json";
  const zeroed = { ...manifest, ablation: { method: "zero" } };
  const study = step("study", { quick: true, concepts: [], layers: ["conv5"], limit: 20 });
  const steps = [step("sets", { size: 10 }), study];
  expect(commandsOf({ ...zeroed, steps })).toEqual([`unitscope study ${asked} --no-concepts --quick --out runs/again`]);
  expect(notesOf({ ...zeroed, steps })[0]).toMatch(/first look .*at most 20 images of every class \(40 in all\)/);
  const later = { ...zeroed, steps: [...steps, step("rotate", { seeds: 5, pca: true })] };
  expect(commandsOf(later)).toEqual([
    `unitscope study ${asked} --no-concepts --quick --out runs/again`,
    "unitscope rotate runs/again",
    "unitscope report runs/again",
  ]);
  expect(notesOf(later)).toEqual([]);
});

/** A value that is not the usual one for every option, by its last flag; an option that is none of these fails below. */
const values: Readonly<Record<string, string | true>> = {
  "--layers": "a b,c",
  "--method": "resample",
  "--draws": "5",
  "--engine": "plain",
  "--counts-only": true,
  "--verify": "0.25",
  "--preprocess": "imagenet",
  "--root": "pictures",
  "--classes": "it's,2",
  "--skip-unreadable": true,
  "--output": "logits:0",
  "--label": "dog",
  "--limit": "7",
  "--until": "2.5",
  "--budget": "1h30m",
  "--seed": "9",
  "--pool": "max",
  "--shuffles": "3",
  "--top": "4",
  "--resamples": "500",
  "--concepts": "builtin:50,colors",
  "--concept-split": "val",
  "--concept-shuffles": "99",
  "--upsampling": "receptive-field",
  "--size": "6",
  "--strategy": "greedy,keep",
  "--rank-split": "none",
  "--random-sequences": "8",
  "--seeds": "2",
  "--fractions": "1,0.5",
  "--center": true,
  "--export-bases": true,
  "--no-pca": true,
  "--quick": true,
};
/** What does not change what is measured, or is said in another way. */
const others = new Set(["--out", "--workers", "--provider", "--all", "--continuous", "--no-concepts"]);

const context: CliContext = {
  print: () => undefined,
  note: () => undefined,
  progress: () => ({ below: () => undefined, update: () => undefined, finish: () => undefined }),
  failed: () => undefined,
  signal: new AbortController().signal,
  json: false,
};

/** What a command line gives a command. */
function parsed(build: (context: CliContext) => Command, words: readonly string[]): Record<string, unknown> {
  const command = build(context).action(() => undefined);
  command.parse(words, { from: "user" });
  return command.opts();
}

/** A command line with every option of a command. */
function everyOption(build: (context: CliContext) => Command): string[] {
  const flags = build(context).options.map(({ long }) => long ?? "");
  return flags
    .filter((flag) => !others.has(flag))
    .flatMap((flag) => {
      const value = values[flag];
      if (value === undefined) throw new Error(`expected a value for ${flag}, got none; is it in the page's commands?`);
      return value === true ? [flag] : [flag, value];
    });
}

/** Words of a line, as a shell takes them. */
function wordsOf(line = ""): string[] {
  const parts = line.match(/(?:'[^']*'|\\'|[^'\s])+/g) ?? [];
  return parts.map((part) => part.replaceAll(/'([^']*)'|\\'/g, (_, inner: string | undefined) => inner ?? "'"));
}

const plain = (options: unknown): ManifestStep["options"] =>
  JSON.parse(JSON.stringify(options)) as ManifestStep["options"];
const layer = exampleManifest.layers[0];
const two = {
  ...exampleManifest,
  layers: ["a b", "c", "d"].map((name) => ({ ...layer, name })),
  ablation: { method: "zero" },
};

test("every option of a sweep is in its command again", () => {
  const given = ["net.onnx", "photos", ...everyOption(ablateCommand), "--out", "runs/again"];
  const once = ablateOptions(parsed(ablateCommand, given) as never);
  const layers = ["a b", "c"].map((name) => ({ ...layer, name, images: 5 }));
  const { engine = "auto" } = once;
  const made = { ...exampleManifest, layers, options: plain(once), ablation: ablationKey(once), engine, steps: [] };
  const [words] = commandsOf({ ...made, data: { ...made.data, name: "photos" } }).map(wordsOf);
  expect(words.slice(0, 2)).toEqual(["unitscope", "ablate"]);
  expect(ablateOptions(parsed(ablateCommand, words.slice(2)) as never)).toEqual(once);
  const whole = { ...made, layers: [layer] };
  expect(commandsOf(whole)[0]).not.toMatch(/--until|--budget/); // it went on
});

test.each([
  ["sets", setsCommand, (options: object) => plain(setsOptions(options))],
  ["rotate", rotateCommand, plain],
  ["repair", repairCommand, plain],
] as const)("every option of %s is in its command again", (name, build, optionsOf) => {
  const once = optionsOf(parsed(build, ["run", ...everyOption(build)]));
  const words = wordsOf(commandsOf({ ...two, steps: [step(name, once)] })[1]);
  expect(words.slice(0, 3)).toEqual(["unitscope", name, "runs/again"]);
  expect(optionsOf(parsed(build, words.slice(2)))).toEqual(once);
});

test("every option of attributes and concepts is in their command again", () => {
  const once = attributesOptions(parsed(attributesCommand, ["run", ...everyOption(attributesCommand)]) as never);
  const [concepts, attributes] = [plain(once.concepts), plain(once.attributes)];
  const both = [step("attributes --concepts", { ...concepts, auroc: true }), step("attributes", attributes)];
  const lines = commandsOf({ ...two, steps: both });
  expect(lines).toHaveLength(3);
  const parse = (line = "") => attributesOptions(parsed(attributesCommand, wordsOf(line).slice(2)) as never);
  expect(parse(lines[1])).toEqual(once);
  const apart = commandsOf({ ...two, steps: [...both].reverse() });
  expect(apart).toHaveLength(4);
  expect(parse(apart[1])).toEqual({ attributes: once.attributes, concepts: undefined });
  expect(parse(apart[2]).concepts).toEqual(once.concepts);
});

test("every option of a study is in its command again", () => {
  const given = ["net.onnx", "photos", ...everyOption(studyCommand), "--out", "runs/again"];
  const once = plain(parsed(studyCommand, given));
  const steps = [step("study", once)];
  const made = { ...two, layers: two.layers.slice(0, 2), options: once, steps };
  const [words] = commandsOf({ ...made, data: { ...made.data, name: "photos" } }).map(wordsOf);
  expect(plain(parsed(studyCommand, words.slice(2)))).toEqual(once);
});

test("several runs on a page are made again in folders of their own, and one report of all", () => {
  const lists = [0, 1].map((at) => commandsOf({ ...manifest, steps: [step("rotate")] }, againFolder(at, 2)));
  const commands = jointCommands(lists);
  expect(commands.map((command) => command.split(" ").slice(0, 3).join(" "))).toEqual([
    "unitscope ablate net.onnx",
    "unitscope rotate runs/again-1",
    "unitscope ablate net.onnx",
    "unitscope rotate runs/again-2",
    "unitscope report runs/again-1",
  ]);
  expect(commands[0]).toMatch(/--out runs\/again-1$/);
  expect(commands.at(-1)).toBe("unitscope report runs/again-1 runs/again-2");
  expect(jointCommands([commandsOf(manifest)]).at(-1)).toBe("unitscope report runs/again");
});
