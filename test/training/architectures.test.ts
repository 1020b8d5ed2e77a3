import { describe, expect, test } from "vitest";
import { findLayers } from "../../src/onnx/layers.ts";
import { readModel, writeModel } from "../../src/onnx/model-file.ts";
import { inferShapes } from "../../src/onnx/shapes.ts";
import { defineNetwork } from "../../src/training/architectures/architectures.ts";
import { startParameters, withParameters } from "../../src/training/architectures/network.ts";

const count = (shapes: readonly (readonly number[])[]): number =>
  shapes.reduce((sum, shape) => sum + shape.reduce((product, dim) => product * dim, 1), 0);

describe("parameters of the published shapes, as torchvision counts them", () => {
  test.each([
    ["alexnet", 224, 1000, 61_100_840],
    ["resnet18", 224, 1000, 11_689_512],
    ["resnet18", 32, 10, 11_173_962],
    ["resnet18", 64, 100, 11_220_132],
  ] as const)("%s at %i with %i classes: %i", (name, imageSize, classCount, expected) => {
    const network = defineNetwork(name, { imageSize, classCount });
    const trained = network.parameters.filter(({ role }) => role !== "running");
    expect(count(trained.map(({ shape }) => shape))).toBe(expected);
  });
});

test("AlexNet at 64×64 ends in a 4×4 map, as its fc6 expects", () => {
  const network = defineNetwork("alexnet", { imageSize: 64, classCount: 100 });
  expect(count(network.parameters.map(({ shape }) => shape))).toBe(1_657_220);
  const shapes = inferShapes(withParameters(network, startParameters(network, 1)));
  const sizes = ["conv1", "conv2", "conv5"].map((layer) => shapes.get(network.layers[layer]));
  expect(sizes).toEqual([
    ["N", 48, 32, 32],
    ["N", 96, 16, 16],
    ["N", 128, 8, 8],
  ]);
  expect(shapes.get("logits")).toEqual(["N", 100]);
});

test("AlexNet's layers are conv1 … fc8, with their responses behind batch norm and ReLU", () => {
  for (const batchNorm of [false, true]) {
    const network = defineNetwork("alexnet", { classCount: 10, batchNorm });
    const file = withParameters(network, startParameters(network, 1));
    const layers = findLayers(readModel(writeModel(file)));
    expect(layers.map(({ name }) => name)).toEqual(["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]);
    expect(Object.fromEntries(layers.map(({ name, tap }) => [name, tap]))).toEqual(network.layers);
    expect(file.inputs).toEqual([{ name: "input", type: "float32", shape: ["N", 3, 32, 32] }]);
    expect(file.outputs).toEqual([{ name: "logits", type: "float32", shape: ["N", 10] }]);
    expect(file.nodes.filter(({ op }) => op === "BatchNormalization").length).toBe(batchNorm ? 5 : 0);
    expect(file.nodes.some(({ op }) => op === "Mul")).toBe(false);
  }
});

test("ResNet-18's weights and blocks have torchvision's names", () => {
  const network = defineNetwork("resnet18", { classCount: 10, widths: [16] });
  const names = network.parameters.map(({ name }) => name);
  for (const name of [
    "conv1.weight",
    "layer1.0.bn2.bias",
    "layer2.0.downsample.0.weight",
    "layer4.1.conv2.weight",
    "fc.bias",
  ]) {
    expect(names).toContain(name);
  }
  const layers = findLayers(withParameters(network, startParameters(network, 1)));
  const blocks = layers.filter(({ kind }) => kind === "addition").map(({ name, tap }) => [name, tap]);
  expect(blocks.map(([name]) => name)).toEqual([1, 2, 3, 4].flatMap((stage) => [`layer${stage}.0`, `layer${stage}.1`]));
  for (const [name, tap] of blocks) expect(network.layers[name]).toBe(tap);
});

test("dropout and channel dropout are masks of the training graph alone", () => {
  const network = defineNetwork("alexnet", { classCount: 10, dropout: 0.3, channelDropout: { conv5: 0.5 } });
  expect(network.masks).toEqual([
    { name: "mask/drop5", shape: [96, 1, 1], probability: 0.5 },
    { name: "mask/drop6", shape: [256], probability: 0.3 },
    { name: "mask/drop7", shape: [256], probability: 0.3 },
  ]);
  const reader = (op: string, graph: typeof network.trainingGraph) => graph.nodes.find((node) => node.op === op);
  const pool = network.trainingGraph.nodes.find((node) => node.name === "/pool5/MaxPool");
  expect(pool?.inputs).toEqual(["/drop5/Mul_output_0"]);
  expect(reader("Mul", network.inferenceGraph)).toBeUndefined();
  const inferred = network.inferenceGraph.nodes.find((node) => node.name === "/pool5/MaxPool");
  expect(inferred?.inputs).toEqual(["/relu5/Relu_output_0"]);
});

test("first weights depend on the seed alone, with He's deviation", () => {
  const network = defineNetwork("alexnet", { classCount: 10 });
  const one = startParameters(network, 1);
  expect(startParameters(network, 1)).toEqual(one);
  expect(startParameters(network, 2).get("conv3.weight")).not.toEqual(one.get("conv3.weight"));
  const values = one.get("conv3.weight") as Float32Array;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  expect(deviation).toBeCloseTo(Math.sqrt(2 / (64 * 9)), 2);
  expect(one.get("conv3.bias")?.every((value) => value === 0)).toBe(true);
});

test.each([
  ["image size: expected 32, 64 or 224, got 48", "alexnet", { imageSize: 48 }],
  ["widths: expected five of them, got 2", "alexnet", { widths: [16, 32] }],
  ["widths: expected whole numbers from 1, got 0", "alexnet", { widths: [16, 0, 3, 4, 5] }],
  ["dropout (dropout): expected a probability in [0, 1), got 1", "alexnet", { dropout: 1 }],
  ["dropout (conv5): expected a probability in [0, 1), got -0.5", "alexnet", { channelDropout: { conv5: -0.5 } }],
  ['channel dropout: expected a layer of conv1 … conv5, got "fc6"', "alexnet", { channelDropout: { fc6: 0.5 } }],
  ["resnet18: expected no option dropout, got 0.3; it is AlexNet's", "resnet18", { dropout: 0.3 }],
  ["widths: expected one for resnet18 (its first stage), got 2", "resnet18", { widths: [16, 32] }],
] as const)("%s", (message, name, options) => {
  expect(() => defineNetwork(name, { classCount: 10, ...options })).toThrow(message);
});
