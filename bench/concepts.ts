/**
 * Cost of concept alignment on generated data: `node --import tsx bench/concepts.ts [--images 10000] [--units 256]
 * [--concepts 1200] [--height 7] [--shuffles 0] [--random 0] [--auroc] [--workers 1] [--numpy 40]`.
 *
 * Images are 112×112 with three label maps (patches of objects, parts and colours) and a scene. Responses are sparse
 * blobs, as after a ReLU, held in memory: the forward passes are not part of the cost. `--numpy N` does N images the
 * plain way in numpy and scales the time to the set.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { alignConcepts } from "../src/concepts/align-concepts.ts";
import type { ConceptLayer } from "../src/concepts/concept-layer.ts";
import type { ConceptSet, LabelMaps } from "../src/concepts/concept-set.ts";
import type { AlignmentStage } from "../src/concepts/concept-walk.ts";
import { seededRandom } from "../src/numeric/random.ts";
import { givenResponses } from "../test/concepts/given-responses.ts";

const SIDE = 112;
const { values } = parseArgs({
  options: {
    images: { type: "string", default: "10000" },
    units: { type: "string", default: "256" },
    concepts: { type: "string", default: "1200" },
    height: { type: "string", default: "7" },
    shuffles: { type: "string", default: "0" },
    random: { type: "string", default: "0" },
    auroc: { type: "boolean", default: false },
    workers: { type: "string", default: "1" },
    numpy: { type: "string", default: "0" },
  },
});
const number = (
  name: "images" | "units" | "concepts" | "height" | "shuffles" | "random" | "workers" | "numpy",
): number => Number(values[name]);
const imageCount = number("images");

/** Half objects, a quarter parts, an eighth scenes, the rest materials; patches of an image of their own seed. */
function generatedSet(conceptCount: number): ConceptSet {
  const ends = [0.5, 0.75, 0.875, 1].map((share) => Math.floor(share * conceptCount));
  const names = ["object", "part", "scene", "material"];
  const categoryOf = (place: number): string => names[ends.findIndex((end) => place < end)];
  const drawMap = (image: number, from: number, to: number, patches: number): Uint16Array => {
    const random = seededRandom(image, from);
    const map = new Uint16Array(SIDE * SIDE);
    for (let patch = 0; patch < patches; patch++) {
      const [top, left] = [random.integer(SIDE), random.integer(SIDE)];
      const [bottom, right] = [top + 8 + random.integer(60), left + 8 + random.integer(60)];
      const label = 1 + from + random.integer(to - from);
      for (let y = top; y < Math.min(bottom, SIDE); y++)
        map.fill(label, y * SIDE + left, y * SIDE + Math.min(right, SIDE));
    }
    return map;
  };
  const [objects, parts, scenes, all] = ends as [number, number, number, number];
  return {
    name: "generated",
    format: "generated",
    concepts: Array.from({ length: conceptCount }, (_, i) => ({
      name: `k${i}`,
      category: categoryOf(i),
      number: i + 1,
    })),
    imageCount,
    hash: "",
    imageName: String,
    read: () => Promise.reject(new Error("no pixels here")),
    labels: async (image): Promise<LabelMaps> => ({
      height: SIDE,
      width: SIDE,
      maps: [drawMap(image, 0, objects, 12), drawMap(image, objects, parts, 12), drawMap(image, scenes, all, 6)],
      whole: [parts + (image % (scenes - parts))],
    }),
  };
}

/** One pool of responses, of which every image shows another stretch: sparse blobs of a few positions. */
function generatedResponses(unitCount: number, side: number): ConceptLayer {
  const random = seededRandom(1);
  const length = unitCount * side * side;
  const pool = new Float32Array(length * 16);
  for (let blob = 0; blob < pool.length / 12; blob++) {
    const at = random.integer(pool.length);
    const strength = Math.abs(random.normal());
    for (const step of [0, 1, side, side + 1]) if (at + step < pool.length) pool[at + step] += strength;
  }
  const responses = (image: number): Float32Array => {
    const start = seededRandom(image, 9).integer(pool.length - length);
    return pool.subarray(start, start + length);
  };
  return givenResponses(responses, [unitCount, side, side], { workers: number("workers"), blockSize: 128 });
}

const set = generatedSet(number("concepts"));
const layer = generatedResponses(number("units"), number("height"));
const stages = new Map<AlignmentStage, { wall: number; cpu: number }>();
let last = { wall: performance.now(), cpu: process.cpuUsage() };
let peak = 0;
const begun = last;
await alignConcepts(set, layer, {
  shuffles: number("shuffles"),
  randomUnits: number("random"),
  auroc: values.auroc,
  progress: (stage, done, total) => {
    if (done % 500 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    if (done !== total) return;
    const cpu = process.cpuUsage(last.cpu);
    stages.set(stage, { wall: (performance.now() - last.wall) / 1000, cpu: (cpu.user + cpu.system) / 1e6 });
    last = { wall: performance.now(), cpu: process.cpuUsage() };
  },
});
const total = process.cpuUsage(begun.cpu);
const line = (name: string, wall: number, cpu: number): void =>
  console.log(`${name.padEnd(20)} ${wall.toFixed(1).padStart(8)} s elapsed ${cpu.toFixed(1).padStart(8)} s of CPU`);
console.log(
  `${values.units} units × ${values.concepts} concepts × ${imageCount} images of ${SIDE}×${SIDE}, responses ${values.height}×${values.height}`,
);
for (const [stage, { wall, cpu }] of stages) line(stage, wall, cpu);
line("all", (performance.now() - begun.wall) / 1000, (total.user + total.system) / 1e6);
console.log(`peak memory          ${(Math.max(peak, process.memoryUsage.rss()) / 2 ** 20).toFixed(0)} MB`);

if (number("numpy") > 0) {
  const program = `
import sys, time, numpy as np
units, side, images, total, concepts = ${values.units}, ${values.height}, ${values.numpy}, ${imageCount}, ${values.concepts}
rng = np.random.default_rng(0)
def weights(n, o):
    at = np.clip((np.arange(o) + .5) * n / o - .5, 0, n - 1); low = np.floor(at).astype(int)
    m = np.zeros((o, n)); m[np.arange(o), low] += 1 - (at - low); m[np.arange(o), np.minimum(low + 1, n - 1)] += at - low
    return m.astype(np.float32)
W = weights(side, ${SIDE})
inter = np.zeros((units, concepts + 1)); rows = np.arange(units)
begun, cpu = time.time(), time.process_time()
for i in range(images):
    a = np.maximum(rng.normal(size=(units, side, side)).astype(np.float32), 0)
    maps = rng.integers(0, concepts + 1, (3, 14, 14)).repeat(8, 1).repeat(8, 2)
    region = (W @ a @ W.T > 2.5).reshape(units, -1)
    for m in maps:
        for k in np.unique(m):
            inter[:, k] += region[:, (m == k).ravel()].sum(1)
print(f"plain numpy          {(time.time() - begun) * total / images:8.0f} s elapsed {(time.process_time() - cpu) * total / images:8.0f} s of CPU (scaled from {images} images; overlaps alone)")
`;
  const ran = spawnSync("/usr/bin/python3", ["-c", program], { encoding: "utf8" });
  process.stdout.write(ran.status === 0 ? ran.stdout : `plain numpy          not measured: no python3 with numpy\n`);
}
