/**
 * Responses of every kind of layer in one form, `[N, units, height, width]` (or `[N, units]`): what reads responses sees
 * maps, wherever the units stand in the tap. Tokens are laid out on the grid of their patches, class tokens left out; the
 * response of an attention head is the length of its vector at each token.
 */
import { UnitscopeError } from "../errors.ts";
import { freeDim } from "./dims.ts";
import { type Dim, type Graph, intTensor, type Node, node } from "./graph.ts";
import { isBatchFirst, type RowFact } from "./rows.ts";

/** Where a layer's units are. */
interface Place {
  readonly tap: string;
  readonly units: number;
  readonly axis: number;
  readonly unitSize: number;
  readonly rank: number;
  readonly skip: number;
}

/** A layer that has a response. */
interface Viewed extends Place {
  readonly response: string | null;
  readonly height: number;
  readonly width: number;
}

/** The tensor in which a layer's response is read; `null` where it is not known which part is which image's. */
export function responseName(
  layer: Place,
  { fact, first, batch }: { fact: RowFact; first: Dim | undefined; batch: number | null },
): string | null {
  const isOne = first === 1 || freeDim(first)?.factor === 1; // of one image
  if (batch === null ? !isBatchFirst(fact) : batch !== 1 || !isOne) return null;
  const { tap, axis, unitSize, rank, skip } = layer;
  return axis === 1 && unitSize === 1 && skip === 0 && (rank === 2 || rank === 4) ? tap : `unitscope/response/${tap}`;
}

/** The tensor in which a layer's response is read. @throws {UnitscopeError} `layer` where it has none. */
export function responseOf(layer: { name: string; tap: string; response?: string | null }): string {
  const why = whyUnread(layer);
  if (why !== undefined) throw new UnitscopeError("layer", why);
  return layer.response ?? layer.tap;
}

/** Why nothing but its ablation can be measured of a layer; `undefined` where its response can be read. */
export function whyUnread({
  name,
  tap,
  response,
}: {
  name: string;
  tap: string;
  response?: string | null;
}): string | undefined {
  if (response !== null) return undefined;
  return `layer "${name}": expected responses of one image each, got tensor "${tap}", of which that is not known; only its ablation can be measured`;
}

/** The graph with the responses of all layers that have them in another form. */
export function withResponses({ graph, layers }: { graph: Graph; layers: readonly Viewed[] }): Graph {
  const views = layers.filter(({ tap, response }) => response !== null && response !== tap);
  if (views.length === 0) return graph;
  const nodes: Node[] = [...graph.nodes];
  const constants = new Map(graph.constants);
  const isNew = (graph.opsets.get("") ?? 0) >= 18;
  for (const { tap, response, units, axis, unitSize, rank, skip, height, width } of views) {
    if (response === null || constants.has(`${response}/map`)) continue;
    const put = (name: string, values: readonly number[]): string => {
      constants.set(`${response}/${name}`, intTensor([...values]));
      return `${response}/${name}`;
    };
    const insert = (op: string, inputs: string[], to: string, attributes: Parameters<typeof node>[3] = {}): string => {
      nodes.push(node(op, inputs, [`${response}/${to}`], attributes));
      return `${response}/${to}`;
    };
    const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== 0 && i !== axis);
    let at = insert("Transpose", [tap], "turned", { perm: [0, axis, ...others] });
    at = insert("Reshape", [at, put("positions", [0, units, unitSize, -1])], "split");
    if (skip > 0) {
      at = insert("Slice", [at, put("first", [skip]), put("last", [2 ** 31 - 1]), put("along", [3])], "places");
    }
    if (unitSize > 1) {
      at = isNew
        ? insert("ReduceL2", [at, put("entries", [2])], "length", { keepdims: 1 })
        : insert("ReduceL2", [at], "length", { keepdims: 1, axes: [2] });
    }
    nodes.push(node("Reshape", [at, put("map", [0, units, height, width])], [response]));
  }
  return { ...graph, nodes, constants: constants };
}
