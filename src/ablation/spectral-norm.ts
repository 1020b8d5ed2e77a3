/**
 * Upper bounds of the spectral norm of the network's matrices. Upper, always: a power iteration approaches the
 * norm from below, which would certify what is not certain.
 *
 * ‖A‖₂² = ‖AAᵀ‖₂ ≤ ‖(AAᵀ)^m‖_F^(1/m), which tends to the norm as m grows.
 */

import { floatTensor, type Graph, intTensor, type Node, node } from "../onnx/graph.ts";
import { openSession } from "../runtime/session.ts";

/** Squarings of the Gram matrix: m = 2^SQUARINGS. */
const SQUARINGS = 5;
/** Multiplications that a bound may cost; above, the cheap bound does. */
const LARGEST_COST = 4e9;
/** Covers float32 rounding of the Gram matrix and its powers, relative: their error is below 1e-3 at this size. */
const SLACK = 1.002;

/** Bound of ‖A‖₂ for a row-major `[rows, columns]` matrix. */
export async function matrixNormBound(data: Float32Array, rows: number, columns: number): Promise<number> {
  const cheap = holderBound(data, rows, columns);
  const small = Math.min(rows, columns);
  if (small * small * (Math.max(rows, columns) + small * SQUARINGS) > LARGEST_COST) return cheap;
  const [bound = Infinity] = await matrixNormBounds(data, { count: 1, rows, columns });
  return Math.min(cheap, bound);
}

/** √(‖A‖₁ ‖A‖∞), and the Frobenius norm: whichever is smaller. */
function holderBound(data: Float32Array, rows: number, columns: number): number {
  const row = new Float64Array(rows);
  const column = new Float64Array(columns);
  let squares = 0;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = Math.abs(data[r * columns + c]);
      row[r] += value;
      column[c] += value;
      squares += value * value;
    }
  }
  return Math.min(Math.sqrt(max(row) * max(column)), Math.sqrt(squares)) * SLACK;
}

function max(values: Float64Array): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

/** Bounds of the norms of a stack of matrices `[count, rows, columns]`, by powers of their Gram matrices. */
export async function matrixNormBounds(
  data: Float32Array,
  { count, rows, columns }: { count: number; rows: number; columns: number },
): Promise<number[]> {
  const nodes: Node[] = [node("Transpose", ["a"], ["t"], { perm: [0, 2, 1] })];
  nodes.push(node("MatMul", rows <= columns ? ["a", "t"] : ["t", "a"], ["g0"]));
  // Each power is divided by its own Frobenius norm, whose logarithm is kept: the numbers stay near 1.
  for (let i = 0; i <= SQUARINGS; i++) {
    nodes.push(
      node("Mul", [`g${i}`, `g${i}`], [`q${i}`]),
      node("Reshape", [`q${i}`, "flat"], [`f${i}`]),
      node("MatMul", [`f${i}`, "ones"], [`s${i}`]),
      node("Sqrt", [`s${i}`], [`n${i}`]),
    );
    if (i === SQUARINGS) break;
    nodes.push(node("Add", [`n${i}`, "tiny"], [`m${i}`]));
    nodes.push(node("Div", [`g${i}`, `m${i}`], [`u${i}`]), node("MatMul", [`u${i}`, `u${i}`], [`g${i + 1}`]));
  }
  const small = Math.min(rows, columns);
  const names = Array.from({ length: SQUARINGS + 1 }, (_, i) => `n${i}`);
  const graph: Graph = {
    name: "spectral norm",
    inputs: [{ name: "a", type: "float32", shape: [count, rows, columns] }],
    outputs: names.map((name) => ({ name, type: "float32", shape: [count, 1, 1] })),
    nodes,
    constants: new Map([
      ["flat", intTensor([count, 1, small * small])],
      ["ones", floatTensor([small * small, 1], new Float32Array(small * small).fill(1))],
      ["tiny", floatTensor([1], [1e-30])],
    ]),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
  };
  const session = await openSession(graph);
  const results = await session.run({ a: { type: "float32", dims: [count, rows, columns], data } });
  await session.close();
  return Array.from({ length: count }, (_, index) => {
    // ‖G^(2^i)‖_F = n_i · ‖G^(2^(i−1))‖_F², unrolled in logarithms.
    let log = 0;
    names.forEach((name, i) => {
      log = (i === 0 ? 0 : 2 * log) + Math.log(Math.max(1e-30, Number(results[name]?.data[index])));
    });
    return Math.sqrt(Math.exp(log / 2 ** SQUARINGS)) * SLACK;
  });
}
