/**
 * What shards cost: an ablation on one machine against the same in shards, one after the other in processes of their own,
 * as a cluster runs them, and the merge. Processor time is compared, so that it does not matter what else the machine does;
 * the tables must be the same to the byte.
 *
 *   npm run bench:shards -- [--images N of every class] [--layers a,b] [--shards 4,16]
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "200" },
    layers: { type: "string", default: "conv5" },
    shards: { type: "string", default: "2,8" },
  },
});
const bin = fileURLToPath(new URL("../bin/unitscope.js", import.meta.url));
const model = fileURLToPath(new URL("../models/alexnet-cifar10.onnx", import.meta.url));
const study = [model, "cifar10:test", "--layers", values.layers, "--limit", values.images, "--quiet"];
const folder = mkdtempSync(join(tmpdir(), "unitscope-shards-"));

/** Runs a command; its processor seconds, children's and threads' included. */
async function seconds(args: readonly string[]): Promise<number> {
  const child = spawn(
    "/bin/bash",
    ["-c", 'TIMEFORMAT="%U %S"; time "$@" >/dev/null', "-", process.execPath, bin, ...args],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let text = "";
  child.stderr.on("data", (part: Buffer) => {
    text += part.toString();
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`unitscope ${args.join(" ")}: exit ${String(code)}\n${text}`);
  const [user = 0, system = 0] = (text.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return user + system;
}

function tablesOf(run: string): string {
  const names = readdirSync(run)
    .filter((name) => name.endsWith(".parquet"))
    .sort();
  return names.map((name) => readFileSync(join(run, name)).toString("base64")).join("\n");
}

try {
  const alone = join(folder, "alone");
  const direct = await seconds(["ablate", ...study, "--out", alone]);
  console.log(`one machine: ${direct.toFixed(1)} s of processor time`);
  for (const count of values.shards.split(",").map(Number)) {
    const run = join(folder, `shards-${count}`);
    execFileSync(process.execPath, [bin, "plan", ...study, "--no-cost", "--shards", String(count), "--out", run]);
    let shards = 0;
    for (let shard = 0; shard < count; shard++)
      shards += await seconds(["run", run, "--shard", String(shard), "--quiet"]);
    const merge = await seconds(["merge", run, "--quiet"]);
    const more = ((shards + merge) / direct - 1) * 100;
    const verdict = tablesOf(run) === tablesOf(alone) ? "the same tables" : "OTHER TABLES";
    console.log(
      `${count} shards: ${shards.toFixed(1)} s, merge ${merge.toFixed(1)} s: ${more.toFixed(1)} % more, ${verdict}`,
    );
    if (verdict !== "the same tables") process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
