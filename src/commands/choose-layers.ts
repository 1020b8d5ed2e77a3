/** Which layers of a model an ablation sweeps. */
import type { AblationMethod } from "../ablation/sweep.ts";
import { UnitscopeError } from "../errors.ts";
import { type Layer, tensorLayer } from "../onnx/layers.ts";
import { pickLayers } from "../onnx/pick-layers.ts";
import type { Model } from "../runtime/open-model.ts";

/** What was asked for. */
export interface LayerChoice {
  /**
   * Names of layers or tensors; by default every convolution, and every product behind which an activation follows at
   * each token or place (the hidden units of transformers), but those that give the logits.
   */
  readonly layers?: readonly string[] | undefined;
  /** Every layer but the logits, instead of `layers`; with method `weights`, every one that has weights of its own. */
  readonly all?: boolean | undefined;
  readonly method?: AblationMethod | undefined;
}

/**
 * The chosen layers, each once, in the order in which they were named or else that of the graph.
 * @throws {UnitscopeError} `layer` for a name that none has, or if there is nothing to choose.
 */
export function chooseLayers(model: Model, { layers, all = false, method = "zero" }: LayerChoice): Layer[] {
  if (layers && layers.length > 0) return eachOnce(pickLayers(model.layers, layers, tensorOf(model)));
  const chosen = model.layers.filter(
    (layer) => !layer.isOutput && (all || isUsual(layer)) && (method !== "weights" || layer.weight !== null),
  );
  if (chosen.length > 0) return chosen;
  throw new UnitscopeError(
    "layer",
    `model "${model.name}": expected a layer to ablate, got ${model.layers.length === 0 ? "none" : "no convolution"}; list layers with: unitscope layers MODEL`,
  );
}

/** The layers by their names: of a tensor that is no layer of the model, one is made every time that it is named. */
export function eachOnce(layers: readonly Layer[]): Layer[] {
  return layers.filter(({ name }, at) => layers.findIndex((layer) => layer.name === name) === at);
}

/** Convolutions, and hidden units of the products of transformers. */
function isUsual({ kind, rank, activation }: Layer): boolean {
  return kind === "convolution" || (kind === "linear" && rank > 2 && activation !== null);
}

/** Any tensor of the graph as a layer; undefined for a name that none has. */
function tensorOf(model: Model): (name: string) => Layer | string | undefined {
  const { graph, shapes, rows, batch, input, logits, leftOut } = model;
  return (name) => {
    if (!graph.nodes.some((node) => node.outputs.includes(name))) return undefined;
    const mixed = leftOut.find(({ tensor, isMixed }) => isMixed && tensor === name);
    return mixed ? mixed.reason : tensorLayer(graph, name, { shapes, rows, batch, input, logits });
  };
}
