import { describe, expect, test } from "vitest";
import { l1Norms } from "../../src/attributes/l1-norm.ts";
import { float, floatTensor, type Graph, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { findLayers } from "../../src/onnx/layers.ts";

function graphOf(nodes: Node[], constants: Record<string, Tensor>, shape: number[] = [3, 4, 4]): Graph {
  return {
    name: "test",
    inputs: [{ name: "x", type: "float32", shape: ["N", ...shape] }],
    outputs: [{ name: "y", type: "float32", shape: null }],
    nodes,
    constants: new Map(Object.entries(constants)),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
  };
}

const normed = (graph: Graph) => {
  const layer = findLayers(graph)[0];
  if (!layer) throw new Error("no layer");
  return l1Norms(graph, layer);
};

const weights = floatTensor([2, 3, 1, 1], [1, -2, 3, -0.5, 0, 0.25]);

describe("l1Norms", () => {
  test("of a convolution: absolute weights of each unit, without bias", () => {
    const bias = floatTensor([2], [100, -100]);
    const graph = graphOf([node("Conv", ["x", "w", "b"], ["c"]), node("Relu", ["c"], ["y"])], { w: weights, b: bias });
    expect(normed(graph)).toEqual({ plain: Float64Array.of(6, 0.75), folded: null });
  });

  test("with a batch norm behind: plain, and times |γ|/√(σ² + ε)", () => {
    const graph = graphOf(
      [
        node("Conv", ["x", "w"], ["c"]),
        node("BatchNormalization", ["c", "gamma", "beta", "mean", "var"], ["n"], { epsilon: float(1) }),
        node("Relu", ["n"], ["y"]),
      ],
      {
        w: weights,
        gamma: floatTensor([2], [-2, 4]),
        beta: floatTensor([2], [5, 5]),
        mean: floatTensor([2], [1, 1]),
        var: floatTensor([2], [3, 15]),
      },
    );
    expect(normed(graph)).toEqual({ plain: Float64Array.of(6, 0.75), folded: Float64Array.of(6, 0.75) });
  });

  test("folded by the exporter: only the folded norm exists", () => {
    const bias = floatTensor([2], [0, 0]);
    const graph = graphOf([node("Conv", ["x", "onnx::Conv_12", "onnx::Conv_13"], ["y"])], {
      "onnx::Conv_12": weights,
      "onnx::Conv_13": bias,
    });
    expect(normed(graph)).toEqual({ plain: null, folded: Float64Array.of(6, 0.75) });
  });

  test("of grouped convolutions: the unit's own weights", () => {
    const graph = graphOf([node("Conv", ["x", "w"], ["y"], { group: 3 })], {
      w: floatTensor([3, 1, 1, 1], [1, -2, 3]),
    });
    expect(normed(graph).plain).toEqual(Float64Array.of(1, 2, 3));
  });

  test("of products, whichever way their weights lie", () => {
    const rows = floatTensor([2, 3], [1, -2, 3, -0.5, 0, 0.25]);
    const columns = floatTensor([3, 2], [1, -0.5, -2, 0, 3, 0.25]);
    const transposed = graphOf([node("Gemm", ["x", "w"], ["y"], { transB: 1 })], { w: rows }, [3]);
    const plain = graphOf([node("Gemm", ["x", "w"], ["y"], { alpha: float(-2) })], { w: columns }, [3]);
    const product = graphOf([node("MatMul", ["x", "w"], ["y"])], { w: columns }, [3]);
    expect(normed(transposed).plain).toEqual(Float64Array.of(6, 0.75));
    expect(normed(plain).plain).toEqual(Float64Array.of(12, 1.5));
    expect(normed(product).plain).toEqual(Float64Array.of(6, 0.75));
  });

  test("a layer without weights of its own has none", () => {
    const graph = graphOf(
      [
        node("Conv", ["x", "w"], ["a"]),
        node("Conv", ["x", "w"], ["b"]),
        node("Concat", ["a", "b"], ["y"], { axis: 1 }),
      ],
      { w: weights },
    );
    const layer = findLayers(graph).find(({ kind }) => kind === "concatenation");
    if (!layer) throw new Error("no concatenation");
    expect(l1Norms(graph, layer)).toEqual({ plain: null, folded: null });
  });
});
