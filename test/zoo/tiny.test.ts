/**
 * Tiny networks beside PyTorch: every unit of every layer. Models, images and what PyTorch says of them are in
 * golden/tiny.json, made by scripts/zoo/tiny.py; the large zoo is docs/architectures.md.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import { ablate } from "../../src/library/ablate.ts";
import { modelFromBytes } from "../../src/runtime/open-model.ts";
import { doubles, integers, rowsWhere } from "../../src/tables/table.ts";

interface GoldenLayer {
  readonly name: string;
  readonly tap: string;
  readonly kind: string;
  /** `[units][images]`; −1 where PyTorch's own two highest are too close to tell anything. */
  readonly predictions: readonly (readonly number[])[];
  /** Log-probability that the image's own class loses, `[units][images]`. */
  readonly lost: readonly (readonly number[])[];
}

interface GoldenNetwork {
  readonly name: string;
  /** The ONNX file, base64. */
  readonly model: string;
  readonly size: number;
  /** uint8 `[images, 3, size, size]`, base64. */
  readonly images: string;
  readonly labels: readonly number[];
  readonly baseline: readonly number[];
  readonly layers: readonly GoldenLayer[];
}

const { networks } = JSON.parse(readFileSync(new URL("golden/tiny.json", import.meta.url), "utf8")) as {
  readonly networks: readonly GoldenNetwork[];
};

async function open({ name, model: encoded, size, images, labels }: GoldenNetwork) {
  const model = await modelFromBytes(Buffer.from(encoded, "base64"), { path: `${name}.onnx` });
  const set = pixelSet({
    name,
    pixels: { data: Uint8Array.from(Buffer.from(images, "base64")), channels: 3, height: size, width: size },
    labels: Int32Array.from(labels),
    classNames: Array.from({ length: model.classCount }, (_, cls) => `class${cls}`),
  });
  return { model, set };
}

/** Every layer's units on all images, with one worker. */
async function ablated(network: GoldenNetwork, continuous: boolean) {
  const { model, set } = await open(network);
  const layers = network.layers.map(({ name }) => name);
  return ablate(model, set, { layers, preprocessing: noPreprocessing, workers: 1, continuous });
}

test.each(networks)(
  "$name: the layers are those that PyTorch was asked about, at the same tensors",
  async (network) => {
    const { model } = await open(network);
    const found = model.layers.filter((layer) => !layer.isOutput).map(({ name, tap, kind }) => ({ name, tap, kind }));
    expect(found).toEqual(network.layers.map(({ name, tap, kind }) => ({ name, tap, kind })));
  },
);

describe.each([false, true])("with log-probabilities: %s", (continuous) => {
  test.each(networks)("$name: every unit changes what it changes in PyTorch", async (network) => {
    const { labels, baseline, layers } = network;
    const { baseline: intact, flips, drops } = await ablated(network, continuous);
    expect([...integers(intact, "prediction")]).toEqual(baseline);
    for (const { name, predictions, lost } of layers) {
      const own = rowsWhere(flips, "layer", name);
      const ours = predictions.map(() => [...baseline]);
      const [unit, image, prediction] = ["unit", "image", "prediction"].map((column) => integers(own, column));
      unit?.forEach((each, i) => ours[each]?.splice(image?.[i] ?? -1, 1, prediction?.[i] ?? -1));
      // What PyTorch itself cannot tell, nobody can.
      const told = predictions.map((row, each) => row.map((cls, at) => (cls < 0 ? ours[each]?.[at] : cls)));
      expect(ours).toEqual(told);
      if (!continuous) continue;
      const rows = rowsWhere(drops, "layer", name);
      const [of, cls] = ["unit", "class"].map((column) => integers(rows, column));
      doubles(rows, "logprob_drop").forEach((value, i) => {
        const images = (lost[of?.[i] ?? -1] ?? []).filter((_, at) => labels[at] === cls?.[i]);
        if (images.length === 0) return;
        expect(value).toBeCloseTo(images.reduce((sum, each) => sum + each, 0) / images.length, 3);
      });
    }
  });
});

test("the networks are of every kind", () => {
  const kinds = new Set(networks.flatMap(({ layers }) => layers.map(({ kind }) => kind)));
  expect([...kinds]).toEqual(
    expect.arrayContaining(["addition", "attention", "concatenation", "convolution", "linear"]),
  );
});

test("attention heads: removed by difference as by the whole network", async () => {
  const network = networks.find(({ name }) => name === "tiny-transformer");
  if (!network) throw new Error("golden/tiny.json: expected a tiny-transformer");
  const { model, set } = await open(network);
  const layers = model.layers.filter(({ kind }) => kind === "attention").map(({ name }) => name);
  expect(layers).toEqual(["block.attn.heads"]);
  const options = { layers, preprocessing: noPreprocessing, workers: 1 } as const;
  const [fast, plain] = [
    await ablate(model, set, { ...options, engine: "auto" }),
    await ablate(model, set, { ...options, engine: "plain" }),
  ];
  expect(integers(fast.units, "unit").length).toBeGreaterThan(1);
  for (const column of ["unit", "image", "prediction"]) {
    expect(integers(fast.flips, column)).toEqual(integers(plain.flips, column));
  }
});
