/**
 * Training speed: images per second of one training step (forward, backward, update), ours and PyTorch's on the same
 * network, batch and threads. PyTorch is measured when Debian's python3-torch is installed; the two take turns, and the
 * best of the turns counts, so that other work on the machine disturbs both alike. Where cores are shared, images per
 * second of processor time (all threads together) is the fairer figure; take one thread for it.
 *
 * npm run bench:train [-- --batch 128 --threads 2 --steps 10 --turns 3]
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { seededRandom } from "../src/numeric/random.ts";
import { floatValue, openSession, type Session, type Value } from "../src/runtime/session.ts";
import { defineNetwork } from "../src/training/architectures/architectures.ts";
import { type Network, startParameters } from "../src/training/architectures/network.ts";
import { blockSize } from "../src/training/lowering/block-size.ts";
import { stepGraph, velocityName } from "../src/training/step-graph.ts";

const { values } = parseArgs({
  options: {
    batch: { type: "string", default: "128" },
    threads: { type: "string", default: "2" },
    steps: { type: "string", default: "10" },
    turns: { type: "string", default: "3" },
  },
});
const [batch, threads, steps, turns] = [values.batch, values.threads, values.steps, values.turns].map(Number) as [
  number,
  number,
  number,
  number,
];

const networks: Record<string, Network> = {
  alexnet: defineNetwork("alexnet", { classCount: 10 }),
  "alexnet-bn": defineNetwork("alexnet", { classCount: 10, batchNorm: true }),
  resnet18: defineNetwork("resnet18", { classCount: 10, widths: [16] }),
};

/** Every input of a step; parameters as they start. */
function stepInputs(network: Network): Record<string, Value> {
  const random = seededRandom(1);
  const side = network.imageSize;
  const pixels = Float32Array.from({ length: batch * 3 * side * side }, () => random.normal());
  const labels = BigInt64Array.from({ length: batch }, () => BigInt(random.integer(network.classCount)));
  const feeds: Record<string, Value> = {
    input: floatValue([batch, 3, side, side], pixels),
    labels: { type: "int64", dims: [batch], data: labels },
    other_labels: { type: "int64", dims: [batch], data: labels },
    label_share: floatValue([], Float32Array.of(1)),
    learning_rate: floatValue([], Float32Array.of(0.01)),
  };
  for (const { name, shape } of network.masks) {
    const size = shape.reduce((product, dim) => product * dim, batch);
    feeds[name] = floatValue(
      [batch, ...shape],
      Float32Array.from({ length: size }, () => 2 * random.integer(2)),
    );
  }
  const start = startParameters(network, 1);
  for (const { name, shape, role } of network.parameters) {
    const data = start.get(name) as Float32Array;
    feeds[name] = floatValue(shape, data);
    if (role !== "running") feeds[velocityName(name)] = floatValue(shape, new Float32Array(data.length));
  }
  return feeds;
}

/** Images per second. */
interface Rates {
  readonly clock: number;
  readonly processor: number;
}
const none: Rates = { clock: 0, processor: 0 };
const better = (one: Rates, other: Rates): Rates => ({
  clock: Math.max(one.clock, other.clock),
  processor: Math.max(one.processor, other.processor),
});

async function measure(session: Session, feeds: Record<string, Value>): Promise<Rates> {
  await session.run(feeds);
  const began = performance.now();
  const before = process.cpuUsage();
  for (let step = 0; step < steps; step++) {
    const results = await session.run(feeds);
    for (const [name, value] of Object.entries(results)) if (name.startsWith("new/")) feeds[name.slice(4)] = value;
  }
  const { user, system } = process.cpuUsage(before);
  const images = steps * batch;
  return { clock: images / ((performance.now() - began) / 1000), processor: images / ((user + system) / 1e6) };
}

const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("train_pytorch.py", import.meta.url));
const run = promisify(execFile);

async function measurePyTorch(name: string): Promise<Rates | undefined> {
  try {
    const { stdout } = await run(python, [script, name, String(batch), String(threads), String(steps)]);
    const [clock = 0, processor = 0] = stdout.split(" ").map(Number);
    return { clock, processor };
  } catch {
    return undefined;
  }
}

const block = await blockSize();
const layout = block === undefined ? "standard operators" : `channels in blocks of ${block}`;
console.log(`batch ${batch}, ${threads} threads, best of ${turns} turns of ${steps} steps; ${layout}`);
let hasPyTorch = true;
for (const [name, network] of Object.entries(networks)) {
  const options = { batchSize: batch, momentum: 0.9, nesterov: true, weightDecay: 5e-4, labelSmoothing: 0, block };
  const session = await openSession(stepGraph(network, options), { threads });
  const feeds = stepInputs(network);
  let ours = none;
  let theirs = none;
  for (let turn = 0; turn < turns; turn++) {
    ours = better(ours, await measure(session, feeds));
    const other = hasPyTorch ? await measurePyTorch(name) : undefined;
    if (other === undefined) hasPyTorch = false;
    else theirs = better(theirs, other);
  }
  await session.close();
  for (const by of ["clock", "processor"] as const) {
    const compared = hasPyTorch
      ? `  PyTorch ${theirs[by].toFixed(0)}  ratio ${(ours[by] / theirs[by]).toFixed(2)}`
      : "";
    const what = by === "clock" ? "images/s" : "images per second of processor time";
    console.log(`${name.padEnd(11)} ${ours[by].toFixed(0)} ${what}${compared}`);
  }
}
if (!hasPyTorch) console.log(`PyTorch: not measured, as ${python} has no torch (Debian: apt install python3-torch)`);
