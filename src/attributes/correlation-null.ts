/**
 * The largest class correlation when responses and probabilities are of different images: one matrix product of the
 * units' standardised responses with the standardised probabilities of shuffled images, by the engine, since it is by
 * far the largest piece of arithmetic among the attributes.
 */

import { type Graph, node } from "../onnx/graph.ts";
import { floatValue, openSession, type Session } from "../runtime/session.ts";
import { largest } from "./label-nulls.ts";

/** Columns of one product: enough to fill the processor, few enough to fit into its caches' neighbourhood. */
const columnsAtOnce = 128;

/** Opens the product `[units, images] × [images, columns]`. */
export function openProduct(): Promise<Session> {
  const free = (name: string, rows: string, columns: string) =>
    ({ name, type: "float32", shape: [rows, columns] }) as const;
  const graph: Graph = {
    name: "shuffled-correlations",
    inputs: [free("responses", "units", "images"), free("probabilities", "images", "columns")],
    outputs: [free("correlations", "units", "columns")],
    nodes: [node("MatMul", ["responses", "probabilities"], ["correlations"])],
    constants: new Map(),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
  };
  return openSession(graph, { place: "shuffled correlations" });
}

/**
 * The largest correlation of every unit under every shuffle.
 *
 * @param responses standardised pooled responses, float32, row-major `[unitCount, imageCount]`; a unit that is constant
 *   must be all 0.
 * @param probabilities standardised, float32, row-major `[imageCount, classCount]`, `NaN` where constant; read only.
 * @param orders the shuffles, one at a time: image `i`'s response meets the probabilities of image `order[i]`.
 * @returns float64, row-major `[unitCount, shuffleCount]`, to float32's precision; `NaN` if every class is constant.
 */
export async function shuffledCorrelations(
  product: Session,
  responses: Float32Array,
  probabilities: Float32Array,
  classCount: number,
  shuffleCount: number,
  orders: (shuffle: number) => Int32Array,
): Promise<Float64Array> {
  const imageCount = probabilities.length / classCount;
  const unitCount = responses.length / imageCount;
  const found = new Float64Array(unitCount * shuffleCount);
  const perProduct = Math.max(1, Math.floor(columnsAtOnce / classCount));
  const values = new Float64Array(classCount);
  for (let first = 0; first < shuffleCount; first += perProduct) {
    const count = Math.min(perProduct, shuffleCount - first);
    const width = count * classCount;
    const shuffled = new Float32Array(imageCount * width);
    for (let at = 0; at < count; at++) {
      const order = orders(first + at);
      for (let image = 0; image < imageCount; image++) {
        const to = image * width + at * classCount;
        const from = order[image] * classCount;
        for (let cls = 0; cls < classCount; cls++) shuffled[to + cls] = probabilities[from + cls];
      }
    }
    const { correlations } = await product.run({
      responses: floatValue([unitCount, imageCount], responses),
      probabilities: floatValue([imageCount, width], shuffled),
    });
    const result = correlations?.data as Float32Array;
    for (let unit = 0; unit < unitCount; unit++) {
      for (let at = 0; at < count; at++) {
        const start = unit * width + at * classCount;
        for (let cls = 0; cls < classCount; cls++) values[cls] = result[start + cls];
        found[unit * shuffleCount + first + at] = largest(values);
      }
    }
  }
  return found;
}
