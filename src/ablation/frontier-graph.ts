/** What a frontier's linear operator contributes to its output from units that are removed. */
import { UnitscopeError } from "../errors.ts";
import { floatAttribute, floatTensor, type Graph, intAttribute, intTensor, type Tensor } from "../onnx/graph.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { positionsOf, standsFirst } from "./channel-tensor.ts";
import type { RowForm } from "./row-form.ts";
import type { Frontier } from "./suffix-plan.ts";

/** Of what a contribution is made. */
interface Contribution {
  /** Tensor of the removed channels' changes, `[pairs, positions]` or `[pairs, units, positions]`. */
  readonly removed: string;
  /** Tensor of the weights of one unit, or of all. */
  readonly picked: string;
  readonly channels: number;
  /** What names of new tensors begin with. */
  readonly at: string;
  readonly parts: GraphWriter;
  readonly form: RowForm | null;
}

/** Adds the contribution of removed units to a frontier's output, and returns its tensor. */
export function contribute(frontier: Frontier, { graph, ...of }: Contribution & { readonly graph: Graph }): string {
  if (frontier.node.op !== "Conv") return contributeProduct(frontier, of);
  const { removed, picked, channels, at, parts } = of;
  const { insert, constant } = parts;
  const shape = constant(`${at}/shape`, intTensor([-1, channels, ...frontier.input.dims.slice(2)]));
  const shaped = insert("Reshape", [removed, shape], `${at}/shaped`);
  const kernelShape = constant(`${at}/kernel_shape`, intTensor([channels, -1, ...kernelSize(frontier, graph)]));
  insert("Reshape", [picked, kernelShape], `${at}/kernel_shaped`);
  insert("Transpose", [`${at}/kernel_shaped`], `${at}/kernel_turned`, { perm: { kind: "ints", value: [1, 0, 2, 3] } });
  return insert("Conv", [shaped, `${at}/kernel_turned`], `${at}/contribution`, frontier.node.attributes);
}

/** The contribution of removed units to a product's output, in the form of the output's rows. */
function contributeProduct({ input }: Frontier, { removed, picked, channels, at, parts, form }: Contribution): string {
  const { run, dims } = input;
  const { insert } = parts;
  const constant = (name: string, values: number[]): string => parts.constant(name, intTensor(values));
  const places = positionsOf(input) / run;
  const kernel = insert(
    "Reshape",
    [picked, constant(`${at}/kernel_shape`, [channels * run, -1])],
    `${at}/kernel_shaped`,
  );
  const rest = standsFirst(input) ? dims.slice(1, -1) : [places];
  let shaped: string;
  if (channels === 1 || places === 1) {
    shaped = insert("Reshape", [removed, constant(`${at}/shape`, [-1, ...rest, channels * run])], `${at}/shaped`);
  } else {
    insert("Reshape", [removed, constant(`${at}/shape`, [-1, channels, places, run])], `${at}/shaped`);
    insert("Transpose", [`${at}/shaped`], `${at}/shaped_turned`, { perm: { kind: "ints", value: [0, 2, 1, 3] } });
    const flat = constant(`${at}/shape_flat`, [-1, ...rest, channels * run]);
    shaped = insert("Reshape", [`${at}/shaped_turned`, flat], `${at}/shaped_flat`);
  }
  if (!form) return insert("MatMul", [shaped, kernel], `${at}/contribution`);
  const product = insert("MatMul", [shaped, kernel], `${at}/product`);
  return insert("Reshape", [product, constant(`${at}/rows`, [-1, form.before, form.behind])], `${at}/contribution`);
}

/** A frontier's weights by unit: `[units, outputs, kh, kw]` of a convolution, `[units, run, outputs]` of a product. */
export function frontierWeights({ node: of, input }: Frontier, units: number, graph: Graph): Tensor {
  const weight = graph.constants.get(of.inputs[1] ?? "");
  if (!weight || weight.type !== "float32") {
    throw new UnitscopeError("internal", `internal: frontier "${of.name}": expected float32 weights, got none`);
  }
  const from = weight.data as Float32Array;
  if (of.op === "Conv") {
    const [outputs, channels, kh, kw] = weight.dims as [number, number, number, number];
    const area = kh * kw;
    const data = new Float32Array(units * outputs * area);
    for (let unit = 0; unit < units; unit++) {
      for (let out = 0; out < outputs; out++) {
        const start = (out * channels + input.offset + unit) * area;
        for (let i = 0; i < area; i++) data[(unit * outputs + out) * area + i] = from[start + i];
      }
    }
    return floatTensor([units, outputs, kh, kw], data);
  }
  const isTransposed = of.op === "Gemm" && intAttribute(of, "transB", 0) === 1;
  const alpha = of.op === "Gemm" ? floatAttribute(of, "alpha", 1) : 1;
  const [rowCount, columnCount] = weight.dims as [number, number];
  const outputs = isTransposed ? rowCount : columnCount;
  const { run } = input;
  const data = new Float32Array(units * run * outputs);
  const start = input.offset * run;
  for (let row = 0; row < units * run; row++) {
    for (let out = 0; out < outputs; out++) {
      const at = isTransposed ? out * columnCount + start + row : (start + row) * columnCount + out;
      data[row * outputs + out] = alpha * from[at];
    }
  }
  return floatTensor([units, run, outputs], data);
}

function kernelSize({ node: of }: Frontier, graph: Graph): number[] {
  return (graph.constants.get(of.inputs[1]) as Tensor).dims.slice(2);
}
