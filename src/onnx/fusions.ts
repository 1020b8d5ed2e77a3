/**
 * Operators written as others that stand for the same: what ONNX Runtime's own optimiser has fused as the standard ones,
 * so that a file that it wrote has the layers that the exporter's file has; and what overflows as what does not.
 */
import { UnitscopeError } from "../errors.ts";
import { readersOf } from "./edit.ts";
import {
  float,
  floatAttribute,
  floatTensor,
  type Graph,
  intAttribute,
  type Node,
  node,
  stringAttribute,
  type Tensor,
} from "./graph.ts";

const MICROSOFT = "com.microsoft";

/**
 * The graph without `FusedConv`, `FusedGemm`, `FusedMatMul` and `BiasGelu`; others stay what they are.
 * @throws {UnitscopeError} `model` for weights in the layout of one machine's vectors.
 */
export function withoutFusions(graph: Graph, place: string): Graph {
  const bound = graph.nodes.find(({ domain }) => domain === `${MICROSOFT}.nchwc`);
  if (bound) {
    throw new UnitscopeError(
      "model",
      `${place}: node "${bound.name}": expected operators of any machine, got ${bound.domain} ${bound.op}, which ONNX Runtime's optimisation for one machine writes; optimise with level "extended", or export the model again`,
    );
  }
  if (!graph.nodes.some(({ domain }) => domain === MICROSOFT)) return graph;
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap((each) => (each.domain === MICROSOFT ? writtenOut(each, constants) : [each]));
  return { ...graph, nodes, constants };
}

/**
 * `log σ(x)` as `−softplus(−x)`, which is the same number: the runtime's sigmoid is 0 from about −18 on, whose logarithm
 * is none, while the module that was exported gives `x` there.
 */
export function withStableLogarithms(graph: Graph): Graph {
  const readers = readersOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const logOf = (each: Node): Node | undefined => {
    const [output] = each.outputs;
    const [reader, ...others] = each.op === "Sigmoid" && each.domain === "" ? (readers.get(output) ?? []) : [];
    return reader?.op === "Log" && others.length === 0 && !outputs.has(output) ? reader : undefined;
  };
  const logs = new Map(graph.nodes.flatMap((each) => (logOf(each) ? [[logOf(each), each]] : [])));
  if (logs.size === 0) return graph;
  const sigmoids = new Set(logs.values());
  return {
    ...graph,
    nodes: graph.nodes.flatMap((each) => {
      if (sigmoids.has(each)) return [];
      const sigmoid = logs.get(each);
      if (!sigmoid) return [each];
      const [output] = each.outputs;
      const [turned, soft] = [`${output}/turned`, `${output}/softplus`];
      return [
        { ...node("Neg", sigmoid.inputs, [turned]), name: sigmoid.name },
        node("Softplus", [turned], [soft]),
        { ...node("Neg", [soft], [output]), name: each.name },
      ];
    }),
  };
}

function writtenOut(fused: Node, constants: Map<string, Tensor>): Node[] {
  const { inputs, name } = fused;
  const [output] = fused.outputs;
  const [x = "", weight = "", bias = "", sum = ""] = inputs;
  const part = (op: string): string => `${output}/${op}`;
  const without = (...names: string[]): Node["attributes"] =>
    Object.fromEntries(Object.entries(fused.attributes).filter(([key]) => !names.includes(key)));
  const own = (op: string, from: readonly string[], to: string, attributes: Node["attributes"] = {}): Node => ({
    name: to === output ? name : `${name}/${op}`,
    op,
    domain: "",
    inputs: from,
    outputs: [to],
    attributes,
  });
  const activation = stringAttribute(fused, "activation", "");
  switch (fused.op) {
    case "FusedConv": {
      const kept = without("activation", "activation_params");
      const made: Node[] = [];
      let at = activation === "" && sum === "" ? output : part("Conv");
      made.push(own("Conv", bias === "" ? [x, weight] : [x, weight, bias], at, kept));
      if (sum !== "") {
        const added = activation === "" ? output : part("Add");
        made.push(own("Add", [at, sum], added));
        at = added;
      }
      const ended = activation === "" ? [] : activationOf(fused, activation, { from: at, to: output, constants });
      return ended ? [...made, ...ended] : [fused];
    }
    case "FusedGemm": {
      const kept = without("activation", "activation_alpha", "activation_beta", "activation_gamma");
      const ended = activationOf(fused, activation, { from: part("Gemm"), to: output, constants });
      return ended ? [own("Gemm", inputs, part("Gemm"), kept), ...ended] : [fused];
    }
    case "BiasGelu":
      return [own("Add", [x, weight], part("Add")), { ...own("Gelu", [part("Add")], output), domain: MICROSOFT }];
    case "FusedMatMul": {
      const plain = ["transA", "transB", "transBatchA", "transBatchB"].every(
        (key) => intAttribute(fused, key, 0) === 0,
      );
      if (!plain) return [fused];
      const alpha = floatAttribute(fused, "alpha", 1);
      if (alpha === 1) return [own("MatMul", [x, weight], output)];
      constants.set(part("alpha"), floatTensor([], [alpha]));
      return [own("MatMul", [x, weight], part("MatMul")), own("Mul", [part("MatMul"), part("alpha")], output)];
    }
    default:
      return [fused];
  }
}

/** The activation that a fused operator ends in; undefined for one that is not known. */
function activationOf(
  fused: Node,
  activation: string,
  { from, to, constants }: { from: string; to: string; constants: Map<string, Tensor> },
): Node[] | undefined {
  const listed = fused.attributes["activation_params"];
  const [first, second] =
    listed?.kind === "floats"
      ? listed.value
      : [floatAttribute(fused, "activation_alpha", Number.NaN), floatAttribute(fused, "activation_beta", Number.NaN)];
  const named = (value: number | undefined): value is number => value !== undefined && !Number.isNaN(value);
  switch (activation) {
    case "Relu":
    case "Sigmoid":
    case "Tanh":
      return [node(activation, [from], [to])];
    case "LeakyRelu":
      return [node("LeakyRelu", [from], [to], named(first) ? { alpha: float(first) } : {})];
    case "HardSigmoid": {
      const alpha = named(first) ? { alpha: float(first) } : {};
      return [node("HardSigmoid", [from], [to], { ...alpha, ...(named(second) && { beta: float(second) }) })];
    }
    case "Clip": {
      if (!named(first) || !named(second)) return undefined;
      constants.set(`${to}/least`, floatTensor([], [first]));
      constants.set(`${to}/most`, floatTensor([], [second]));
      return [node("Clip", [from, `${to}/least`, `${to}/most`], [to])];
    }
    default:
      return undefined;
  }
}
