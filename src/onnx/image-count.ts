/** Shapes computed in a graph from the number of images. */
import { freeDim, type Shape } from "./dims.ts";
import { intTensor, type Node, node, type Tensor } from "./graph.ts";

/** Nodes that compute `shape` into `output` (int64), for as many images as `input` holds; undefined where it is not known. */
export function shapeFromCount(
  output: string,
  shape: Shape,
  input: string,
): { readonly nodes: Node[]; readonly constants: [string, Tensor][] } | undefined {
  if (shape.includes(null)) return undefined;
  const at = `unitscope/size/${output}`;
  return {
    constants: [
      [`${at}/first`, intTensor([0])],
      [`${at}/factors`, intTensor(shape.map((dim) => freeDim(dim ?? undefined)?.factor ?? 0))],
      [`${at}/fixed`, intTensor(shape.map((dim) => (typeof dim === "number" ? dim : 0)))],
    ],
    nodes: [
      node("Shape", [input], [`${at}/image`]),
      node("Gather", [`${at}/image`, `${at}/first`], [`${at}/count`], { axis: 0 }),
      node("Mul", [`${at}/count`, `${at}/factors`], [`${at}/free`]),
      node("Add", [`${at}/free`, `${at}/fixed`], [output]),
    ],
  };
}
