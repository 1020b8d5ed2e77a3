/** What `unitscope layers` tells of a network: its layers with what an ablation of each costs, and what was left out. */
import { planSuffix, type SuffixPlan } from "../ablation/suffix-plan.ts";
import { multiplyAdds, shareBehind } from "../onnx/cost.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import type { Layer } from "../onnx/layers.ts";
import type { Model } from "../runtime/model.ts";

/**
 * How the removal of a unit is computed; every one gives the counts of the whole network.
 *
 * `closed form`: logits minus the unit's own contribution, no graph at all. `contribution`: the next products change by the
 * unit's contribution, what is behind them is recomputed. `recomputed`: what reads the unit is recomputed from the tap on.
 * `whole network`: every removal runs everything.
 */
export type LayerRoute = "closed form" | "contribution" | "recomputed" | "whole network";

/** One layer and what its ablation costs. */
export interface DescribedLayer extends Layer {
  /** Numbers in the layer's own weights and bias; `null` where it has none. */
  readonly parameters: number | null;
  /** Share of the network's multiply-adds that depend on the layer's response, from 0 to 1. */
  readonly costBehind: number;
  readonly route: LayerRoute;
  /** Why nothing faster than the whole network is exact here; `null` otherwise. */
  readonly reason: string | null;
}

/** A network as `unitscope layers` shows it. */
export interface NetworkDescription {
  readonly layers: readonly DescribedLayer[];
  readonly leftOut: Model["leftOut"];
  /** Numbers in all weights. */
  readonly parameters: number;
  /** Multiply-adds of one image. */
  readonly multiplyAdds: number;
}

/** Describes every layer of a network. */
export function describeLayers(model: Model): NetworkDescription {
  const { graph, shapes, leftOut } = model;
  const costs = multiplyAdds(graph, shapes);
  const total = sum(costs.values());
  const layers = model.layers.map((layer): DescribedLayer => {
    const plan = planSuffix(model, layer.tap);
    return {
      ...layer,
      parameters: layer.weight === null ? null : sizeOf(graph, layer.weight) + sizeOf(graph, layer.bias),
      costBehind: shareBehind(graph, costs, layer.tap),
      route: routeOf(plan),
      reason: plan.whole,
    };
  });
  return { layers, leftOut, parameters: parametersOf(graph), multiplyAdds: total };
}

function routeOf({ whole, frontiers, carried, recomputed, logits }: SuffixPlan): LayerRoute {
  if (whole !== null) return "whole network";
  const [first, ...others] = frontiers;
  if (!first || carried.length > 0) return "recomputed";
  const ends = others.length === 0 && recomputed.length === 0 && first.output === logits;
  return ends && first.node.op !== "Conv" ? "closed form" : "contribution";
}

/** Floating-point constants, which are what was learned; shapes and axes are whole numbers. */
function parametersOf(graph: Graph): number {
  return sum(
    [...graph.constants.values()].filter(({ type }) => type.startsWith("float")).map(({ dims }) => elementCount(dims)),
  );
}

function sizeOf(graph: Graph, name: string | null): number {
  return name === null ? 0 : elementCount(graph.constants.get(name)?.dims ?? [0]);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
