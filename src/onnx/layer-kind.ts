/** Which nodes of a graph make layers: by the role of their operator and what meets in them. */
import { type Axes, channelAxis } from "./axes.ts";
import { axisOf } from "./dims.ts";
import { type Graph, intAttribute, type Node } from "./graph.ts";
import { roleOf } from "./operators.ts";
import type { Shape } from "./shapes.ts";
import { isOfOneTensor } from "./taps.ts";

/** What a layer is made by; `tensor` is one that the user named. */
export type LayerKind = "convolution" | "linear" | "addition" | "concatenation" | "attention" | "tensor";

/** What kind of layer a node makes; a reason if it looks like a layer and is none; undefined if it does not. */
export function kindOf(
  node: Node,
  {
    graph,
    shapes,
    axes,
    producers,
  }: {
    graph: Graph;
    shapes: ReadonlyMap<string, Shape>;
    axes: ReadonlyMap<string, Axes>;
    producers: ReadonlyMap<string, Node>;
  },
): LayerKind | { reason: string } | undefined {
  const output = node.outputs[0] ?? "";
  const shape = shapes.get(output);
  const dynamic = node.inputs.filter((input) => input !== "" && !graph.constants.has(input));
  const named = `${node.op} "${node.name}"`;
  switch (roleOf(node)) {
    case "convolution":
      if (shape && shape.length !== 4)
        return { reason: `${named} over ${shape.length - 2} axes: expected height and width` };
      return "convolution";
    case "product": {
      const weight = graph.constants.get(node.inputs[1] ?? "");
      return weight?.dims.length === 2 && dynamic[0] === node.inputs[0] && dynamic.length === 1 ? "linear" : undefined;
    }
    case "arithmetic": {
      // A residual addition joins two feature maps of one shape; a bias is a constant.
      if (node.op !== "Add" && node.op !== "Sum") return undefined;
      const joins =
        shape && shape.length >= 3 && dynamic.length >= 2 && dynamic.every((name) => sameDims(shapes.get(name), shape));
      if (!joins || isOfOneTensor(node, { graph, producers })) return undefined;
      if (channelAxis(axes.get(output)) !== undefined) return "addition";
      const isMap = dynamic.some((name) => axes.get(name)?.some((axis) => axis !== undefined));
      return isMap ? { reason: `${named}: the axis of its channels is not known` } : undefined;
    }
    case "concat": {
      if (!shape || shape.length < 3 || dynamic.length < 2) return undefined;
      return channelAxis(axes.get(output)) === axisOf(intAttribute(node, "axis", 1), shape.length)
        ? "concatenation"
        : undefined;
    }
    default:
      return /^(QLinear|Q)(Conv|MatMul|Gemm|Add|Concat|Attention)$|^(Conv|MatMul)Integer/.test(node.op)
        ? {
            reason: `${named} computes in whole numbers; quantize the network in the QDQ format, then it has this layer`,
          }
        : undefined;
  }
}

function sameDims(a: Shape | undefined, b: Shape): boolean {
  return a !== undefined && a.length === b.length && a.every((dim, i) => dim === b[i]);
}
