/**
 * Where a queue stops scaling: ImageNet's 50,000 images × ResNet-50 × all layers on 1 to 1,000 workers, simulated from the
 * recorded cost of every layer (`bench/record-blocks.ts`). Prints the table of docs/scaling.md and draws its figure.
 *
 *   npx tsx bench/scaling.ts [--recorded FILE] [--cores 4] [--write]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { drawCurvesWithLegend } from "../src/figures/curves.ts";
import { renderFigure } from "../src/figures/frame.ts";
import { seededRandom } from "../src/numeric/random.ts";
import type { RecordedBlocks, RecordedLayer } from "./record-blocks.ts";
import { simulate } from "./simulate-workers.ts";

const { values } = parseArgs({
  options: {
    recorded: { type: "string", default: "bench/recorded/resnet50-blocks.json" },
    cores: { type: "string", default: "4" },
    write: { type: "boolean", default: false },
  },
});
const recorded = JSON.parse(readFileSync(values.recorded, "utf8")) as RecordedBlocks;
const cores = Number(values.cores);
const [IMAGES, BLOCK, DAY] = [50_000, 128, 86_400];
/** Reading and hashing the images (6.7 GB) once a shard, at 200 MB/s. */
const READ_IMAGES = 34;
const WORKERS = [1, 2, 5, 10, 20, 50, 100, 200, 391, 500, 1_000] as const;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const { openModel, names, units: unitCounts } = recorded;
const layers = names.map((name, at) => ({ ...costOf(name), name, units: unitCounts[at] }));
const blocks = Math.ceil(IMAGES / BLOCK);
const opening = sum(layers.map(({ open }) => open)) / cores + openModel;
/** The intact network runs once for a block, whatever the number of layers. */
const intact = (BLOCK * Math.max(...layers.map(({ image }) => image))) / cores;
const block = intact + sum(layers.map(({ units, pair }) => (BLOCK * units * pair) / cores));
console.log(
  `${recorded.network}: ${layers.length} layers, ${sum(layers.map(({ units }) => units)).toLocaleString("en")} units, ` +
    `${((blocks * block * cores) / 3600).toFixed(0)} core-hours in ${blocks} blocks; a block: ${((block * cores) / 3600).toFixed(1)} core-hours, ` +
    `${(block / 3600).toFixed(1)} h on ${cores} cores; opening ${opening.toFixed(0)} s`,
);

/** What was recorded of a layer, or the mean of the nearest ones of its kind in its stage, before and behind. */
function costOf(name: string): Pick<RecordedLayer, "open" | "image" | "pair"> {
  const own = recorded.layers.find((layer) => layer.name === name);
  if (own) return own;
  const kindOf = (text: string): string => text.replace(/\.\d+/, ".N");
  const same = names.flatMap((other, at) => {
    const layer = recorded.layers.find((each) => each.name === other);
    return layer && kindOf(other) === kindOf(name) ? [{ layer, at }] : [];
  });
  const place = names.indexOf(name);
  const near = [same.findLast(({ at }) => at < place), same.find(({ at }) => at > place)].flatMap((each) => each ?? []);
  if (near.length === 0) throw new Error(`${values.recorded}: expected a layer of the kind of ${name}, got none`);
  const mean = (of: (layer: RecordedLayer) => number): number => sum(near.map(({ layer }) => of(layer))) / near.length;
  return { open: mean(({ open }) => open), image: mean(({ image }) => image), pair: mean(({ pair }) => pair) };
}

/** Blocks of one network take the same arithmetic; machines and their neighbours make the difference: 5 % either way. */
function varied(tasks: readonly number[]): number[] {
  const { normal } = seededRandom(1);
  return tasks.map((seconds) => seconds * Math.max(0.5, 1 + 0.05 * normal()));
}

const wholeBlocks = varied(Array.from({ length: blocks }, () => block));
/** Each runs the intact network through again, with the responses of all layers. */
const perLayer = layers.map(({ units, pair }) => intact + (BLOCK * units * pair) / cores);
const layerBlocks = varied(Array.from({ length: blocks }, () => perLayer).flat());
const usual = { replacement: 120, release: 45 };
const ways = [
  { label: "a task is a block", tasks: wholeBlocks, start: 3 + opening + READ_IMAGES },
  {
    label: "a block, machines live a day",
    tasks: wholeBlocks,
    start: 3 + opening + READ_IMAGES,
    lifetime: DAY,
  },
  {
    label: "a layer of a block",
    tasks: layerBlocks,
    start: 3 + opening + READ_IMAGES,
  },
  {
    label: "a layer, machines live a day",
    tasks: layerBlocks,
    start: 3 + opening + READ_IMAGES,
    lifetime: DAY,
  },
].map((way) => ({
  ...way,
  outcomes: WORKERS.map((workers) => simulate({ ...usual, ...way, workers }, seededRandom(workers))),
}));
const alone = sum(wholeBlocks) + 3 + opening + READ_IMAGES;

console.log(`| workers | ${ways.map(({ label }) => label).join(" | ")} |`);
console.log(`|---:|${ways.map(() => "---:").join("|")}|`);
for (const [at, workers] of WORKERS.entries()) {
  const cells = ways.map(({ outcomes }) => {
    const { elapsed, lost } = outcomes[at];
    if (!Number.isFinite(elapsed)) return "never";
    const speedUp = alone / elapsed;
    const repeated = lost > 0 ? `, ${lost.toLocaleString("en")} begun again` : "";
    return `${days(elapsed)} (${speedUp.toFixed(speedUp < 10 ? 1 : 0)} times${repeated})`;
  });
  console.log(`| ${workers.toLocaleString("en")} | ${cells.join(" | ")} |`);
}

if (values.write) {
  const log = (value: number): number => Math.log10(value);
  // A curve that lies on the one before it to the eye would hide it: it is told of instead.
  const hidden = ways.flatMap((way, at) => {
    const before = ways[at - 1];
    const apart = before ? farthestApart(before.outcomes, way.outcomes) : Infinity;
    return apart < 0.03 ? [{ way, before, apart }] : [];
  });
  const curves = ways.flatMap((way, at) =>
    hidden.some((each) => each.way === way)
      ? []
      : [
          {
            label: way.label,
            series: at < 2 ? 0 : 1,
            dash: at % 2 === 1 ? "5 3" : undefined,
            x: WORKERS.map(log),
            y: way.outcomes.map(({ elapsed }) => (Number.isFinite(elapsed) ? log(alone / elapsed) : Number.NaN)),
            dots: true,
          },
        ],
  );
  const note = hidden
    .map(
      ({ way, before, apart }) =>
        `“${way.label}” is not drawn: it lies on “${before?.label}”, nowhere more than ${Math.ceil(apart * 100)}\u00a0% away.`,
    )
    .join(" ");
  const ideal = { label: "ideal", series: 6, dash: "2 3", x: [0, 3], y: [0, 3] };
  const powers = {
    domain: [0, 3] as [number, number],
    ticks: [0, 1, 2, 3],
    format: (value: number) => (10 ** value).toLocaleString("en"),
  };
  const svg = renderFigure({
    title: "ResNet-50, all layers, 50,000 images on many workers",
    subtitle: `Simulated from recorded costs: ${cores} cores a worker, ${blocks} blocks of ${BLOCK} images.`,
    panels: [
      {
        title: "times as fast as one worker",
        draw: (box) =>
          drawCurvesWithLegend(
            box,
            { x: { ...powers, label: "workers" }, y: { ...powers, domain: [-0.3, 3], label: "speed-up" } },
            [ideal, ...curves],
          ),
      },
    ],
    columns: 1,
    panelHeight: 320,
    ...(note !== "" && { note }),
  });
  writeFileSync("docs/figures/scaling.svg", svg);
}

/** The largest ratio of the times of two ways, less 1. */
function farthestApart(one: readonly { elapsed: number }[], other: readonly { elapsed: number }[]): number {
  return Math.max(...one.map(({ elapsed }, at) => Math.exp(Math.abs(Math.log(elapsed / other[at].elapsed))) - 1));
}

function days(seconds: number): string {
  if (seconds > 2 * DAY) return `${(seconds / DAY).toFixed(seconds > 20 * DAY ? 0 : 1)} days`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
