/**
 * How a sweep's cost grows with units, images, depth and width, in baseline passes and in microseconds a pair; writes
 * the curves to docs/figures/sweep-growth.svg with `--write`.
 *
 *   npm run bench:growth -- [--write]
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { runSweep } from "../src/ablation/sweep.ts";
import { openImageSet } from "../src/data/open-image-set.ts";
import { preprocessingFromJson } from "../src/data/parse-preprocessing.ts";
import { drawPlot, type Panel, renderFigure } from "../src/figures/frame.ts";
import { linePath, tag } from "../src/figures/svg.ts";
import { fillOf, strokeOf } from "../src/figures/theme.ts";
import { writeModel } from "../src/onnx/model-file.ts";
import { pickLayers } from "../src/onnx/pick-layers.ts";
import { blockSource } from "../src/passes/image-block.ts";
import { type Model, modelFromBytes } from "../src/runtime/open-model.ts";
import { defineNetwork } from "../src/training/architectures/architectures.ts";
import { startParameters, withParameters } from "../src/training/architectures/network.ts";

interface Point {
  readonly x: number;
  readonly passes: number;
}

interface Curve {
  readonly title: string;
  readonly xLabel: string;
  readonly points: readonly Point[];
  readonly ticks: readonly number[];
  readonly format?: (x: number) => string;
}

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const path = "models/alexnet-cifar10.onnx";
const shipped = await modelFromBytes(await readFile(path), { path });
const preprocessing = preprocessingFromJson(shipped.metadata.get("unitscope.preprocessing") ?? "{}", path);

const depth: Point[] = [];
for (const layer of [1, 2, 3, 4, 5]) depth.push(await measure(shipped, `conv${layer}`, { perClass: 200, x: layer }));
const imageCounts: Point[] = [];
for (const perClass of [50, 100, 200, 500, 1000]) {
  imageCounts.push(await measure(shipped, "conv5", { perClass, x: 10 * perClass }));
}
const units: Point[] = [];
for (const count of [24, 48, 96, 192]) {
  units.push(await measure(await randomAlexNet([32, 64, 96, 96, count]), "conv5", { perClass: 200, x: count }));
}
const width: Point[] = [];
for (const scale of [0.5, 1, 1.5, 2]) {
  const widths = [32, 64, 96, 96, 96].map((channels) => channels * scale);
  width.push(await measure(await randomAlexNet(widths), "conv4", { perClass: 50, x: scale }));
}
const curves: Curve[] = [
  { title: "depth: the layer, shipped AlexNet", xLabel: "convolution", points: depth, ticks: [1, 2, 3, 4, 5] },
  {
    title: "images: conv5, shipped AlexNet",
    xLabel: "images",
    points: imageCounts,
    ticks: [0, 2500, 5000, 7500, 10_000],
  },
  { title: "units: conv5, random weights", xLabel: "units of the layer", points: units, ticks: [0, 48, 96, 144, 192] },
  {
    title: "width: conv4, random weights",
    xLabel: "width (1: 32-64-96-96-96)",
    points: width,
    ticks: [0.5, 1, 1.5, 2],
  },
];
if (options.write) {
  const svg = renderFigure({
    title: "What a sweep costs",
    subtitle: "One sweep of a layer, in forward passes of the whole network over the same images (everything counted).",
    panels: curves.map(panel),
    columns: 2,
    panelHeight: 250,
  });
  await writeFile("docs/figures/sweep-growth.svg", svg);
}

/** Cost of a sweep in passes; the pass is measured before and after. */
async function measure(model: Model, name: string, { perClass, x }: { perClass: number; x: number }): Promise<Point> {
  const set = await openImageSet("cifar10:test", { limit: perClass });
  const images = blockSource(set, preprocessing);
  const pass = async (): Promise<number> => (await runSweep(model, { images, layers: [] })).timings.sweepMs;
  await pass();
  const before = await pass();
  const layers = pickLayers(model.layers, [name]);
  const began = performance.now();
  await runSweep(model, { images, layers });
  const totalMs = performance.now() - began;
  const passMs = (before + (await pass())) / 2;
  const pairs = (layers[0]?.units ?? 0) * set.imageCount;
  const passes = totalMs / passMs;
  console.log(
    `${model.name} ${name}: ${layers[0]?.units} units, ${set.imageCount} images: ${passes.toFixed(2)} passes, ${((1000 * totalMs) / pairs).toFixed(2)} µs a pair`,
  );
  return { x, passes };
}

function randomAlexNet(widths: readonly number[]): Promise<Model> {
  const network = defineNetwork("alexnet", { classCount: 10, imageSize: 32, widths });
  const bytes = writeModel(withParameters(network, startParameters(network, 1)));
  return modelFromBytes(bytes, { path: `alexnet ${widths.join("-")}` });
}

function panel({ title, xLabel, points, ticks, format }: Curve): Panel {
  const most = Math.max(...points.map(({ passes }) => passes));
  const from = Math.min(0, ticks[0] ?? 0);
  const low = (ticks[0] ?? 0) > 0 ? ticks[0] : from;
  return {
    title,
    draw: (box) =>
      drawPlot(
        box,
        {
          x: { domain: [low, ticks[ticks.length - 1]], label: xLabel, ticks, ...(format && { format }) },
          y: { domain: [0, 1.1 * most], label: "passes" },
        },
        (toX, toY) => {
          const at = points.map(({ x, passes }): [number, number] => [toX(x), toY(passes)]);
          const dots = at.map(([cx, cy]) => tag("circle", { class: fillOf(1), cx, cy, r: 3 }));
          return [tag("path", { class: `none ${strokeOf(1)}`, d: linePath(at), "stroke-width": 1.8 }), ...dots].join(
            "",
          );
        },
      ),
  };
}
