/** A trained network as a model file: the inference graph with everything in its metadata that others need to use it. */
import type { ImageSet } from "../data/image-set.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import type { Graph } from "../onnx/graph.ts";
import { type Network, withParameters } from "./architectures/network.ts";

/** What the metadata says about the training. */
export interface Provenance {
  /** The command line that trains it. */
  readonly command: string;
  readonly seed: number;
  /** Top-1 accuracy on the test set, 0..1; `null` without one. */
  readonly accuracy: number | null;
  readonly trainSet: ImageSet;
  readonly testSet?: ImageSet | undefined;
  readonly preprocessing: Preprocessing;
}

/** The graph to write. */
export function trainedModel(
  network: Network,
  parameters: ReadonlyMap<string, Float32Array>,
  { command, seed, accuracy, trainSet, testSet, preprocessing }: Provenance,
): Graph {
  const data = { train: trainSet.name, trainHash: trainSet.hash, test: testSet?.name, testHash: testSet?.hash };
  const entries: [string, string][] = [
    ["unitscope.classes", JSON.stringify(trainSet.classNames)],
    ["unitscope.preprocessing", JSON.stringify(preprocessing)],
    ["unitscope.layers", JSON.stringify(network.layers)],
    ["unitscope.command", command],
    ["unitscope.seed", String(seed)],
    ["unitscope.data", JSON.stringify(data)],
  ];
  if (accuracy !== null) entries.push(["unitscope.accuracy", String(accuracy)]);
  return { ...withParameters(network, parameters), metadata: new Map(entries) };
}
