/**
 * The responses of random units: each is a fixed linear combination of a layer's units at the same position. The
 * products are ONNX Runtime's, on one thread and one image at a time, so that they do not depend on anything else.
 */

import { UnitscopeError } from "../errors.ts";
import { floatTensor, type Graph, node } from "../onnx/graph.ts";
import { floatValue, openSession } from "../runtime/session.ts";
import type { ResponseSource } from "./response-source.ts";

/** A response source that holds a session until it is closed. */
export interface CombinedResponses extends ResponseSource {
  close(): Promise<void>;
}

/**
 * Opens the responses of combined units.
 *
 * @param directions float64, row-major `[directionCount, unitCount]`; used as float32.
 * @throws {UnitscopeError} `shape` if the length is not a multiple of the units.
 */
export async function combineResponses(source: ResponseSource, directions: Float64Array): Promise<CombinedResponses> {
  const { unitCount, height, width } = source;
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
    height,
    width,
    async *responsesOf(images) {
      for await (const { image, data } of source.responsesOf(images)) {
        const { combined } = await session.run({ responses: floatValue([unitCount, positions], data) });
        if (!combined)
          throw new UnitscopeError("internal", "internal: combined responses: expected an output, got none");
        yield { image, data: combined.data as Float32Array };
      }
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
