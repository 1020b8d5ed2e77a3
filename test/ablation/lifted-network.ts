/** A network that loses the last bits of its values. */
import { floatTensor, node } from "../../src/onnx/graph.ts";
import type { Model } from "../../src/runtime/model.ts";
import { CLASSES, networkOf, normal, open } from "./all-pairs.ts";

/** Hidden values that are lifted by a large constant and lowered again, so that their last bits are lost. */
export function lifted(by: number): Promise<Model> {
  return open(
    networkOf(
      [
        node("Conv", ["input", "w"], ["c"], { pads: [1, 1, 1, 1] }),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "a", "up"], ["h"]),
        node("Add", ["h", "down"], ["d"]),
        node("MatMul", ["d", "b"], ["logits"]),
      ],
      {
        w: normal(1, [8, 3, 3, 3]),
        a: normal(2, [8, 12]),
        up: floatTensor([12], new Float32Array(12).fill(by)),
        down: floatTensor([12], new Float32Array(12).fill(-by)),
        b: normal(3, [12, CLASSES]),
      },
    ),
  );
}
