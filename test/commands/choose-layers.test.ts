/** The layers that a user names, each once however often and in whatever way it is named. */
import { expect, test } from "vitest";
import { chooseLayers } from "../../src/commands/choose-layers.ts";
import { node } from "../../src/onnx/graph.ts";
import { open } from "../ablation/all-pairs.ts";
import { network } from "../onnx/conv-network.ts";

test("a layer and a tensor that is none, named twice", async () => {
  const model = await open(network([node("Relu", ["c"], ["r"], {}, "act")]));
  const [layer] = model.layers;
  const layers = ["p", layer?.name ?? "", "p", "r", "c"]; // `r` is the layer's tap, `c` its output
  expect(chooseLayers(model, { layers }).map(({ tap }) => tap)).toEqual(["p", "r"]);
});
