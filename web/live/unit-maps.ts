/** A layer's response, whatever axis its units are on, as one map a unit. */
import type { SwitchedTensor } from "../../src/ablation/plain-graph.ts";
import type { LiveLayer } from "../../src/report/page-data.ts";
import type { Value } from "../../src/runtime/session.ts";

/**
 * Maps of the first image, float32 `[units, height, width]`. Tokens before those of patches are left out; of a unit of
 * several entries (an attention head) the Euclidean norm is taken.
 */
export function unitMaps(
  { dims, data }: Value,
  { axis, unitSize }: Pick<SwitchedTensor, "axis" | "unitSize">,
  { units, height, width, skip = 0 }: Pick<LiveLayer, "units" | "height" | "width" | "skip">,
): Float32Array {
  const values = data as Float32Array;
  const after = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const before = dims.slice(1, axis).reduce((product, dim) => product * dim, 1);
  const length = dims[axis] ?? 1;
  const area = height * width;
  const maps = new Float32Array(units * area);
  for (let outer = 0; outer < before; outer++) {
    for (let inner = 0; inner < after; inner++) {
      const position = outer * after + inner - skip;
      if (position < 0 || position >= area) continue;
      for (let unit = 0; unit < units; unit++) {
        const at = (entry: number): number =>
          values[(outer * length + unit * unitSize + entry) * after + inner] as number;
        let value = at(0);
        if (unitSize > 1) {
          let squares = 0;
          for (let entry = 0; entry < unitSize; entry++) squares += at(entry) ** 2;
          value = Math.sqrt(squares);
        }
        maps[unit * area + position] = value;
      }
    }
  }
  return maps;
}
