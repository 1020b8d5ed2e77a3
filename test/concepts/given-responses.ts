/** A layer whose responses to the images are given: the network's input is what it gives. */
import type { ConceptLayer } from "../../src/concepts/concept-layer.ts";
import { node } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";

/** @param responses row-major `[unitCount, height, width]`, by image. */
export function givenResponses(
  responses: (image: number) => ArrayLike<number>,
  [unitCount, height, width]: readonly [number, number, number],
  { workers = 1, blockSize = 16 }: { workers?: number; blockSize?: number } = {},
): ConceptLayer {
  const shape = [null, unitCount, height, width];
  const bytes = writeModel({
    name: "given responses",
    inputs: [{ name: "images", type: "float32", shape }],
    outputs: [{ name: "responses", type: "float32", shape }],
    nodes: [node("Identity", ["images"], ["responses"])],
    constants: new Map(),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  });
  const graph = new Uint8Array(new SharedArrayBuffer(bytes.length));
  graph.set(bytes);
  return {
    ...{ graph, input: "images", tap: "responses", layer: "given", unitCount, height, width },
    key: { model: "given", preprocessing: {} },
    provider: "cpu",
    choice: { workers, threads: 1 },
    blockSize,
    imageDims: [unitCount, height, width],
    writeImage: async (image, into) => into.set(responses(image)),
  };
}
