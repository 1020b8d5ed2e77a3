/** Constants that are computed once: what is folded is what ONNX Runtime computes, and what numbers cannot hold is left. */
import { describe, expect, test } from "vitest";
import { foldConstants } from "../../src/onnx/fold.ts";
import { floatTensor, intTensor, node, type Tensor } from "../../src/onnx/graph.ts";
import { resolveShapes } from "../../src/onnx/resolve-shapes.ts";
import { inferShapes } from "../../src/onnx/shapes.ts";
import { openSession } from "../../src/runtime/session.ts";
import { graphOf, ones } from "./build.ts";

test("a size along two new axes, and ends of which one is the largest number", () => {
  const nodes = [
    node("Shape", ["x"], ["s"]),
    node("Gather", ["s", "one"], ["c"]),
    node("Unsqueeze", ["c", "both"], ["square"]),
    node("Slice", ["s", "first", "second"], ["channels"]),
    node("Concat", ["channels", "largest"], ["ends"], { axis: 0 }),
  ];
  const constants = {
    ...{ one: intTensor([1], []), both: intTensor([0, 1]), first: intTensor([1]), second: intTensor([2]) },
    largest: { type: "int64", dims: [1], data: BigInt64Array.of(2n ** 63n - 1n) } as const,
  };
  const graph = foldConstants(resolveShapes(graphOf(nodes, constants)));
  expect(graph.constants.get("square")?.dims).toEqual([1, 1]);
  expect([...(graph.constants.get("ends")?.data ?? [])]).toEqual([3n, 2n ** 63n - 1n]);
});

test("constants are folded through the exporters' bookkeeping", () => {
  const nodes = [
    node("Shape", ["table"], ["s"]),
    node("Gather", ["s", "zero"], ["rows"], { axis: 0 }),
    node("Mul", ["rows", "two"], ["double"]),
    node("Cast", ["double"], ["cast"], { to: 7 }),
    node("Unsqueeze", ["cast", "axis"], ["part"]),
    node("Concat", ["part", "minus"], ["all"], { axis: 0 }),
    node("Slice", ["all", "axis", "one"], ["first"]),
    node("Reshape", ["x", "all"], ["y"]),
  ];
  const constants = {
    table: ones(4, 6),
    zero: intTensor([0], []),
    two: intTensor([2], []),
    axis: intTensor([0]),
    one: intTensor([1]),
    minus: intTensor([-1]),
  };
  const folded = foldConstants(graphOf(nodes, constants));
  expect(folded.nodes.map(({ op }) => op)).toEqual(["Reshape"]);
  expect([...(folded.constants.get("all")?.data ?? [])]).toEqual([8n, -1n]);
  expect([...(folded.constants.get("first")?.data ?? [])]).toEqual([8n]);
});

test("folding keeps truth values true, and the largest whole number the largest", () => {
  const nodes = [
    node("Cast", ["two"], ["truth"], { to: 9 }),
    node("Cast", ["half"], ["some"], { to: 9 }),
    node("Unsqueeze", ["end", "zero"], ["ends"]),
  ];
  const end: Tensor = { type: "int64", dims: [], data: BigInt64Array.of(2n ** 63n - 1n) };
  const constants = { two: intTensor([2]), half: floatTensor([1], [0.5]), end, zero: intTensor([0]) };
  const folded = foldConstants(graphOf(nodes, constants)).constants;
  expect([...(folded.get("truth")?.data ?? [])]).toEqual([1]);
  expect([...(folded.get("some")?.data ?? [])]).toEqual([1]);
  expect([...(folded.get("ends")?.data ?? [])]).toEqual([2n ** 63n - 1n]);
});

describe("folded arithmetic is what ONNX Runtime computes", () => {
  const shapes = [[], [1], [3], [1, 3], [2, 1], [2, 3], [4, 1, 3], [5, 1, 1, 1]];
  const pairs = shapes.flatMap((a) => shapes.map((b) => [a, b] as const));
  test.each(["Add", "Sub", "Mul", "Div", "Equal", "Less", "Greater"])("%s", async (op) => {
    const counted = (dims: readonly number[], from: number): Tensor =>
      intTensor(
        Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => from + 2 * i),
        [...dims],
      );
    const nodes = pairs.map((_, i) => node(op, [`a${i}`, `b${i}`], [`y${i}`]));
    const constants = Object.fromEntries(
      pairs.flatMap(([a, b], i) => [
        [`a${i}`, counted(a, -3)],
        [`b${i}`, counted(b, 1)],
      ]),
    );
    const type = ["Equal", "Less", "Greater"].includes(op) ? "bool" : "int64";
    const outputs = nodes.map((each) => ({ name: each.outputs[0] ?? "", type, shape: null }) as const);
    const graph = graphOf(nodes, constants, { inputs: [], outputs });
    const session = await openSession(graph);
    const computed = await session.run(
      {},
      outputs.map(({ name }) => name),
    );
    const folded = foldConstants(graph);
    expect(folded.nodes).toEqual([]);
    for (const { name } of outputs) {
      expect(folded.constants.get(name)?.dims, name).toEqual([...(computed[name]?.dims ?? [])]);
      expect(Array.from(folded.constants.get(name)?.data ?? [], Number), name).toEqual(
        Array.from(computed[name]?.data ?? [], Number),
      );
    }
  });

  test("what doubles do not hold, or what no number is, is left to the runtime", () => {
    const long = (value: bigint): Tensor => ({ type: "int64", dims: [1], data: BigInt64Array.of(value) });
    const nodes = [
      node("Mul", ["root", "other"], ["product"]),
      node("Identity", ["fine"], ["same"]),
      node("Cast", ["last"], ["short"], { to: 6 }),
      node("Cast", ["never"], ["none"], { to: 7 }),
      node("Reshape", ["empty", "zero"], ["shaped"], { allowzero: 1 }),
    ];
    const constants = {
      root: long(3_037_000_500n),
      other: long(3_037_000_501n),
      fine: long(2n ** 53n + 1n),
      last: long(2n ** 63n - 1n),
      never: floatTensor([1], [Number.NaN]),
      empty: intTensor([], [1, 0]),
      zero: intTensor([0]),
    };
    expect(foldConstants(graphOf(nodes, constants)).nodes).toEqual(nodes);
  });

  test.each([2 ** 31 - 1, 2 ** 63])(
    "a slice backwards to the end %i takes what is left, as the runtime does",
    async (end) => {
      const nodes = [node("Slice", ["table", "two", "end", "axis", "back"], ["y"])];
      const constants = {
        table: intTensor([1, 2, 3, 4]),
        ...{ two: intTensor([2]), end: intTensor([end]), axis: intTensor([0]), back: intTensor([-1]) },
      };
      const outputs = [{ name: "y", type: "int64", shape: null }] as const;
      const graph = graphOf(nodes, constants, { inputs: [], outputs });
      const { y } = await (await openSession(graph)).run({}, ["y"]);
      expect([...(foldConstants(graph).constants.get("y")?.data ?? [])]).toEqual([...(y?.data ?? [])]);
      expect(inferShapes(graph).get("y")).toEqual([3]);
    },
  );

  test("a part of a shape; a division by zero is left alone", () => {
    const nodes = [
      node("Shape", ["table"], ["part"], { start: -2, end: -1 }),
      node("Div", ["one", "zero"], ["never"]),
      node("Concat", ["part", "never"], ["y"], { axis: 0 }),
    ];
    const constants = { table: ones(4, 6, 5), one: intTensor([1]), zero: intTensor([0]) };
    const folded = foldConstants(graphOf(nodes, constants));
    expect([...(folded.constants.get("part")?.data ?? [])]).toEqual([6n]);
    expect(folded.nodes.map(({ op }) => op)).toEqual(["Div", "Concat"]);
  });
});
