/** Outputs of a graph that runs over images in small batches. */
import { expect, test } from "vitest";
import { runInBatches } from "../../src/ablation/fast-route.ts";
import { chosenRows, hash } from "../../src/ablation/verify.ts";
import { node } from "../../src/onnx/graph.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { graphOf } from "../onnx/build.ts";
import { randomImages } from "./random-network.ts";
import { model } from "./swept-network.ts";

const twice = graphOf(
  [node("Add", ["x", "x"], ["y"]), node("Neg", ["x"], ["z"])],
  {},
  {
    inputs: [{ name: "x", type: "float32", shape: ["N", 3] }],
    outputs: ["y", "z"].map((name) => ({ name, type: "float32", shape: null })),
  },
);

test("an output is written where it is asked for, and the answer says so", async () => {
  const session = await openSession(twice);
  const all = new Float32Array(12);
  const into = { y: floatValue([2, 3], all.subarray(3, 9)) };
  const found = await session.run({ x: floatValue([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)) }, ["y", "z"], into);
  expect([...all]).toEqual([0, 0, 0, 2, 4, 6, 8, 10, 12, 0, 0, 0]);
  expect(found["y"]?.data).toBe(into.y.data);
  expect(found["z"]?.data).toEqual(Float32Array.of(-1, -2, -3, -4, -5, -6));
  await session.close();
});

test("outputs and inputs may have the names of an object's own methods", async () => {
  const session = await openSession({
    ...twice,
    inputs: [{ name: "valueOf", type: "float32", shape: ["N", 3] }],
    outputs: [{ name: "toString", type: "float32", shape: null }],
    nodes: [node("Neg", ["valueOf"], ["toString"])],
  });
  const found = await session.run({ valueOf: floatValue([1, 3], Float32Array.of(1, 2, 3)) });
  expect(found["toString"]?.data).toEqual(Float32Array.of(-1, -2, -3));
  await session.close();
});

test("whole batches, and a rest that is none, give what each image gives alone", async () => {
  const session = await openSession(model.graph);
  const imageDims = [model.input.channels, model.input.height, model.input.width];
  const noise = randomImages(40, 3);
  const size = imageDims.reduce((a, b) => a * b, 1);
  for (const count of [1, 15, 16, 17, 40]) {
    const joined = await runInBatches(session, model, { count, imageDims, data: noise.subarray(0, count * size) });
    const logits = joined.get(model.logits);
    expect(logits?.dims).toEqual([count, model.classCount]);
    for (let row = 0; row < count; row++) {
      const one = { count: 1, imageDims, data: noise.subarray(row * size, (row + 1) * size) };
      const alone = (await runInBatches(session, model, one)).get(model.logits)?.data as Float32Array;
      alone.forEach((logit, cls) => {
        expect(logits?.data[row * model.classCount + cls]).toBeCloseTo(logit, 4);
      });
    }
  }
  await session.close();
});

test("pairs that are repeated follow from seed, layer, unit and image alone", () => {
  const images = Int32Array.from({ length: 500 }, (_, at) => at * 3 + 1);
  const choice = { fraction: 0.1, seed: 7, at: 2 };
  const rows = chosenRows(choice, 5, images);
  expect(rows).toEqual([...images.keys()].filter((row) => hash(7, 2, 5, images[row] ?? -1) < 0.1));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.length).toBeLessThan(75);
  expect(chosenRows({ ...choice, fraction: 0 }, 5, images)).toEqual([]);
});
