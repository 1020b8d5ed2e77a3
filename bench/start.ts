/**
 * What a command takes before it does anything: help, errors, `layers`, and a small run, in processor time of the whole
 * process beside that of `node -e 0`. Run with `npm run bench:start`; `-- --repeats 9` for more than 5 repetitions, of
 * which medians are printed; `-- --beside FOLDER` for another built clone, measured in turn with this one.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: given } = parseArgs({
  options: { repeats: { type: "string", default: "5" }, beside: { type: "string" } },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const clones = [...(given.beside === undefined ? [] : [resolve(given.beside)]), root];
const model = join(root, "models/alexnet-cifar10.onnx");
const folder = mkdtempSync(join(tmpdir(), "unitscope-start-"));
const out = ["--out", join(folder, "run"), "--quiet"];
const sweep = ["ablate", model, "cifar10:test", "--layers"];

const commands: Readonly<Record<string, readonly string[]>> = {
  "--help": ["--help"],
  "a mistyped command": ["ablat"],
  "a wrong value of an option": ["ablate", model, "cifar10:test", "--method", "nothing"],
  "ablate, no such model": ["ablate", "nowhere.onnx", "cifar10:test", ...out],
  "ablate, not a model": ["ablate", join(root, "README.md"), "cifar10:test", ...out],
  "ablate, no such data": ["ablate", model, "nowhere", ...out],
  "ablate, no such layer": [...sweep, "nothing", ...out],
  "study, no such model": ["study", "nowhere.onnx", "cifar10:test", ...out],
  "train, no such data": ["train", "alexnet", "nowhere", "--quiet"],
  "attributes, no such run": ["attributes", "nowhere"],
  "report, no such run": ["report", "nowhere"],
  "compare, no such run": ["compare", "nowhere", "elsewhere"],
  "layers, no such model": ["layers", "nowhere.onnx"],
  "layers of AlexNet": ["layers", model],
  "ablate conv5 of AlexNet, 200 images": [...sweep, "conv5", "--limit", "20", ...out],
};

/** Processor time of one process, milliseconds. */
function processorMs(args: readonly string[]): number {
  rmSync(join(folder, "run"), { recursive: true, force: true });
  const { output, error } = spawnSync(
    process.execPath,
    ["--require", join(root, "bench/processor-time.cjs"), ...args],
    {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
      encoding: "utf8",
      cwd: folder,
    },
  );
  if (error) throw error;
  return Number(output[3]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

const bare: number[] = [];
const measured = new Map(Object.keys(commands).map((title) => [title, clones.map((): number[] => [])]));
for (let repeat = 0; repeat < Number(given.repeats); repeat++) {
  bare.push(processorMs(["-e", "0"]));
  for (const [title, args] of Object.entries(commands)) {
    for (const [at, clone] of clones.entries()) {
      measured.get(title)?.[at].push(processorMs([join(clone, "bin/unitscope.js"), ...args]));
    }
  }
}
rmSync(folder, { recursive: true, force: true });

const floor = median(bare);
console.log(`processor time in that of \`node -e 0\` (${floor.toFixed(0)} ms); medians of ${given.repeats}`);
console.log(`| command |${clones.map((clone) => ` ${clone === root ? "here" : clone} |`).join("")}`);
console.log(`| :--- |${clones.map(() => " ---: |").join("")}`);
for (const [title, byClone] of measured) {
  console.log(`| ${title} |${byClone.map((times) => ` ${(median(times) / floor).toFixed(1)} |`).join("")}`);
}
