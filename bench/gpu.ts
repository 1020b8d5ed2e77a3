/**
 * What sweeps cost on a device: unit-images a second, baseline passes, and the ratio to PyTorch's hooks on the same device.
 *
 *   /usr/bin/python3 bench/export_torchvision.py FOLDER
 *   npm run bench:gpu -- FOLDER --provider cuda|webgpu|cpu [--only TEXT] [--images N] [--hooks cuda] [--python python3]
 *
 * Without `--hooks` PyTorch is left out; its value is the device as PyTorch names it. The flips are compared with those of
 * a sweep on the CPU with `--check`.
 */
import { parseArgs } from "node:util";
import { runSweep, type Sweep } from "../src/ablation/sweep.ts";
import { pickLayers } from "../src/onnx/pick-layers.ts";
import type { Provider } from "../src/runtime/session.ts";
import { deepRows, hooksMs, normalImages, openDeep } from "./deep.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    provider: { type: "string", default: "cuda" },
    only: { type: "string" },
    images: { type: "string" },
    hooks: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3" },
    check: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (folder === undefined || !["cpu", "cuda", "webgpu"].includes(values.provider)) {
  console.error("usage: npm run bench:gpu -- FOLDER --provider cuda|webgpu|cpu");
  process.exit(2);
}
const provider = values.provider as Provider;
console.log("network, layer | units | images | unit-images/s | passes | times faster than hooks | flips as on the CPU");
for (const given of deepRows) {
  const row = { ...given, images: Number(values.images ?? given.images) };
  const title = `${row.network} ${row.layer}`;
  if (values.only !== undefined && !title.includes(values.only)) continue;
  const model = await openDeep(folder, row.network);
  const images = normalImages(row.images);
  const layers = pickLayers(model.layers, [row.layer]);
  const units = layers.reduce((sum, layer) => sum + layer.units, 0);
  const sweepOn = async (own: Provider, some: typeof layers): Promise<Sweep> =>
    await runSweep(model, { images, layers: some, options: { provider: own } });
  await sweepOn(provider, []); // warms the device up
  const passMs = (await sweepOn(provider, [])).timings.sweepMs;
  const began = performance.now();
  const swept = await sweepOn(provider, layers);
  const sweepMs = performance.now() - began;
  const pairMs = sweepMs / (units * row.images);
  const faster =
    values.hooks === undefined
      ? "-"
      : (hooksMs(row, { device: values.hooks, python: values.python }) / pairMs).toFixed(1);
  const same = values.check ? String(flipsOf(swept) === flipsOf(await sweepOn("cpu", layers))) : "-";
  const numbers = [units, row.images, (1000 / pairMs).toFixed(0), (sweepMs / passMs).toFixed(1), faster, same];
  console.log([title, ...numbers].join(" | "));
}

function flipsOf(sweep: Sweep): string {
  return JSON.stringify(sweep.layers.map((_, at) => sweep.layer(at).flips));
}
