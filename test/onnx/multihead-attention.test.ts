/** Heads of torch.nn.MultiheadAttention, against PyTorch; golden/multihead-attention.py made the networks and numbers. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import { ablate } from "../../src/library/ablate.ts";
import { modelFromBytes } from "../../src/runtime/open-model.ts";
import { integers } from "../../src/tables/table.ts";

interface GoldenNetwork {
  readonly name: string;
  readonly side: number;
  /** The ONNX file, base64. */
  readonly model: string;
  /** uint8 `[images, 3, side, side]`, base64. */
  readonly images: string;
  /** `[images][classes]`. */
  readonly logits: readonly (readonly number[])[];
  /** The same without each head, `[heads][images][classes]`. */
  readonly without: readonly (readonly (readonly number[])[])[];
}

const golden = new URL("../golden/multihead-attention.json", import.meta.url);
const { networks } = JSON.parse(readFileSync(golden, "utf8")) as { readonly networks: readonly GoldenNetwork[] };

const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

test.each(networks)("$name: every head is a unit, and changes what it changes in PyTorch", async (network) => {
  const { name, side, logits, without } = network;
  const model = await modelFromBytes(Buffer.from(network.model, "base64"), { path: `${name}.onnx` });
  const heads = model.layers.filter(({ kind }) => kind === "attention");
  expect(heads.map((layer) => [layer.name, layer.units, layer.unitSize])).toEqual([
    [name === "encoder" ? "block.self_attn.heads" : "attn.heads", 3, 4],
  ]);
  const set = pixelSet({
    name,
    pixels: { data: Uint8Array.from(Buffer.from(network.images, "base64")), channels: 3, height: side, width: side },
    labels: Int32Array.from(logits, (_, image) => image % 5),
    classNames: ["a", "b", "c", "d", "e"],
  });
  for (const engine of ["auto", "plain"] as const) {
    const options = { layers: heads.map((layer) => layer.name), preprocessing: noPreprocessing, workers: 1, engine };
    const { baseline, flips } = await ablate(model, set, options);
    expect([...integers(baseline, "prediction")]).toEqual(logits.map(largest));
    const ours = without.map(() => logits.map(largest));
    const [unit, image, prediction] = ["unit", "image", "prediction"].map((column) => integers(flips, column));
    unit?.forEach((each, i) => ours[each]?.splice(image?.[i] ?? -1, 1, prediction?.[i] ?? -1));
    expect(ours).toEqual(without.map((rows) => rows.map(largest)));
  }
});
