/**
 * The responses of random units: each is a fixed linear combination of a layer's units at the same position. The
 * products are ONNX Runtime's, on one thread and one image at a time, so that they do not depend on anything else.
 */

import { UnitscopeError } from "../errors.ts";
import { floatTensor, type Graph, node } from "../onnx/graph.ts";
import { floatValue, openSession } from "../runtime/session.ts";
import type { ResponseShape } from "./overlap-counter.ts";

/** The responses of combined units to one image after another. */
export interface CombinedResponses {
  readonly unitCount: number;
  /** @param data float32, row-major `[unitCount, positions]` of the layer's own units. */
  combine(data: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens the products.
 *
 * @param directions float64, row-major `[directionCount, unitCount]`; used as float32.
 * @throws {UnitscopeError} `shape` if the length is not a multiple of the units.
 */
export async function combineResponses(
  { unitCount, height, width }: ResponseShape,
  directions: Float64Array,
): Promise<CombinedResponses> {
  const directionCount = directions.length / unitCount;
  const positions = height * width;
  if (!Number.isInteger(directionCount) || directionCount === 0) {
    throw new UnitscopeError(
      "shape",
      `directions: expected a multiple of ${unitCount} values, got ${directions.length}`,
    );
  }
  const session = await openSession(productGraph(directions, directionCount, unitCount, positions));
  return {
    unitCount: directionCount,
    combine: async (data) => {
      const { combined } = await session.run({ responses: floatValue([unitCount, positions], data) });
      if (combined?.data instanceof Float32Array) return combined.data;
      throw new UnitscopeError("internal", "internal: combined responses: expected an output, got none");
    },
    close: () => session.close(),
  };
}

function productGraph(directions: Float64Array, rows: number, units: number, positions: number): Graph {
  return {
    name: "combined responses",
    inputs: [{ name: "responses", type: "float32", shape: [units, positions] }],
    outputs: [{ name: "combined", type: "float32", shape: [rows, positions] }],
    nodes: [node("MatMul", ["directions", "responses"], ["combined"])],
    constants: new Map([["directions", floatTensor([rows, units], Float32Array.from(directions))]]),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  };
}
