/** A run of the shipped network on made images whose classes have hostile names, with its report. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import sharp from "sharp";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { runAttributes } from "../../src/commands/attributes-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { reportRuns } from "../../src/commands/report.ts";
import { seededRandom } from "../../src/numeric/random.ts";

/** What the tests open and compare with. */
export interface LiveRun {
  readonly folder: string;
  readonly run: string;
  readonly data: string;
  readonly model: string;
  /** Address of the page. */
  readonly url: string;
  readonly report: string;
  remove(): void;
}

/** Class folders, in their order; a folder's name may hold anything but a slash. */
export const liveClasses: readonly string[] = [
  "<img src=x onerror=alert(1)>",
  "\"quoted\" 'name'",
  "a class whose name is eighty characters long; counted to the last one of them: yes",
  "cat",
  "deer",
  "dog",
  "frog",
  "قطة على اليمين",
  "ship & boat",
  "truck {@html x}",
].sort();

/**
 * Writes smooth random images of 32 × 32 pixels, a folder a class, and beside it a file that gives the network's classes
 * these names.
 * @returns the file's path.
 */
export async function makeImageFolder(data: string, { perClass }: { perClass: number }): Promise<string> {
  const random = seededRandom(7);
  for (const name of liveClasses) {
    mkdirSync(join(data, name), { recursive: true });
    for (let at = 0; at < perClass; at++) {
      const small = Uint8Array.from({ length: 5 * 5 * 3 }, () => random.integer(256));
      const image = sharp(small, { raw: { width: 5, height: 5, channels: 3 } }).resize(32, 32, { kernel: "cubic" });
      await image.png().toFile(join(data, name, `${at}.png`));
    }
  }
  const classes = `${data}-classes.txt`;
  writeFileSync(classes, `${liveClasses.join("\n")}\n`);
  return classes;
}

/** Makes it: 10 classes of 4 images, conv4 and conv5 of the shipped network, about three seconds. */
export async function makeLiveRun(): Promise<LiveRun> {
  const folder = mkdtempSync(join(tmpdir(), "unitscope-live-"));
  const data = join(folder, "images");
  const classes = await makeImageFolder(data, { perClass: 4 });
  const model = fileURLToPath(new URL("../../models/alexnet-cifar10.onnx", import.meta.url));
  const run = join(folder, "run");
  await runAblate(model, data, { out: run, layers: ["conv4", "conv5"], classes, workers: 1 });
  await runAttributes(run, { shuffles: 2, resamples: 200, workers: 1 });
  await measureSets(run, { size: 3, strategies: ["greedy", "random"], randomSequences: 3, workers: 1 });
  const report = join(folder, "page with spaces # and ünïcode");
  const { index } = await reportRuns([run], { out: report });
  return {
    folder,
    run,
    data,
    model,
    report,
    url: pathToFileURL(index).href,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
