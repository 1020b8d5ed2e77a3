/**
 * What unitscope makes of a model: `node measure.mjs REQUEST.json`. The request names the model, the images, the
 * preprocessing and a folder; the answer (layers, predictions under ablation, log-probability drops, time) is
 * `answer.json` there, with the taps' values for the first images beside it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ablate, doubles, integers, openImageSet, openModel, parsePreprocessing, texts } from "../../dist/index.js";
import { forChannels } from "../../dist/data/preprocessing.js";
import { openSession } from "../../dist/runtime/session.js";

const request = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answer = { phase: "open" };
try {
  await measure();
} catch (error) {
  answer.error = { message: error.message, code: error.code ?? "none", stack: error.stack };
}
writeFileSync(join(request.folder, "answer.json"), JSON.stringify(answer));

async function measure() {
  const model = await openModel(request.model, request.options);
  answer.layers = model.layers;
  answer.classCount = model.classCount;
  answer.logits = model.logits;
  answer.phase = "layers";
  const chosen = choose(model.layers);
  if (chosen.length === 0) return;
  answer.phase = "ablate";
  const images = await openImageSet(request.images);
  const preprocessing = forChannels(await parsePreprocessing(request.preprocessing), model.input.channels);
  const settings = { layers: chosen.map((layer) => layer.name), preprocessing, workers: 1 };
  const began = performance.now();
  const counts = await ablate(model, images, { ...settings, continuous: false });
  answer.seconds = (performance.now() - began) / 1000;
  answer.chosen = chosen;
  answer.baseline = [...integers(counts.baseline, "prediction")];
  answer.flips = flipsOf(counts.flips);
  answer.pairs = images.imageCount * chosen.reduce((sum, layer) => sum + layer.units, 0);
  answer.phase = "continuous";
  const smallest = chosen.toSorted((a, b) => a.units - b.units).slice(0, request.continuous).map((layer) => layer.name);
  answer.continuousLayers = smallest;
  if (smallest.length > 0) await measureDrops(model, images, { ...settings, layers: smallest });
  answer.phase = "taps";
  await fetchTaps(model, images, preprocessing, chosen);
  answer.phase = "done";
}

async function measureDrops(model, images, settings) {
  const continuous = await ablate(model, images, { ...settings, continuous: true });
  answer.continuousFlips = flipsOf(continuous.flips);
  answer.drops = {
    layer: texts(continuous.drops, "layer"),
    unit: [...integers(continuous.drops, "unit")],
    cls: [...integers(continuous.drops, "class")],
    logprob: [...doubles(continuous.drops, "logprob_drop")].map((value) => (Number.isNaN(value) ? null : value)),
  };
}

function flipsOf(table) {
  const [layer, unit, image, prediction] = [texts(table, "layer"), integers(table, "unit"), integers(table, "image"), integers(table, "prediction")];
  return layer.map((name, i) => [name, unit[i], image[i], prediction[i]]);
}

/** Last, first and middle layer of every kind, as far as the budget of units goes; the smallest one in any case. */
function choose(layers) {
  const candidates = layers.filter((layer) => !layer.isOutput);
  if (request.all) return candidates;
  const kinds = [...new Set(candidates.map((layer) => layer.kind))];
  const wanted = [1, 0, 0.5].flatMap((place) =>
    kinds.map((kind) => {
      const own = candidates.filter((layer) => layer.kind === kind);
      return own[Math.round(place * (own.length - 1))];
    }),
  );
  const picked = new Set(candidates.toSorted((a, b) => a.units - b.units).slice(0, 1));
  for (const layer of wanted) if (unitsOf(picked) + layer.units <= request.units) picked.add(layer);
  return candidates.filter((layer) => picked.has(layer));
}

function unitsOf(layers) {
  return [...layers].reduce((sum, layer) => sum + layer.units, 0);
}

/** The chosen taps and the logits of the first images, as raw float32 with their dimensions in the answer. */
async function fetchTaps(model, images, preprocessing, chosen) {
  const { imageBatches } = await import("../../dist/data/image-batches.js");
  const names = [...new Set([...chosen.map((layer) => layer.tap), model.logits])];
  const graph = { ...model.graph, outputs: names.map((name) => ({ name, type: "float32", shape: null })) };
  const session = await openSession(graph);
  const end = Math.min(images.imageCount, request.tapImages);
  for await (const { pixels, dims } of imageBatches(images, preprocessing, { start: 0, end, batchSize: end })) {
    const result = await session.run({ [model.input.name]: { type: "float32", dims, data: pixels } }, names);
    answer.taps = names.map((name, i) => {
      const { dims: shape, data: values } = result[name];
      writeFileSync(join(request.folder, `tap-${i}.bin`), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return { name, dims: shape, file: `tap-${i}.bin` };
    });
  }
}
