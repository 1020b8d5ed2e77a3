/** Opens an ONNX classifier: reads the file, checks what an ablation needs, and finds the layers. */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";
import { systemCode } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { cutTo, freeBatch, producersOf, raiseOpset } from "../onnx/edit.ts";
import { foldConstants } from "../onnx/fold.ts";
import type { Graph, Port } from "../onnx/graph.ts";
import { findLayers, type Layer } from "../onnx/layers.ts";
import { readModel } from "../onnx/model-file.ts";
import { resolveShapes } from "../onnx/resolve-shapes.ts";
import { inferShapes } from "../onnx/shapes.ts";

/** The image input of a network. */
export interface ImageInput {
  readonly name: string;
  readonly layout: "nchw" | "nhwc";
  /** 3 for colour, 1 for gray. */
  readonly channels: 1 | 3;
  /** Pixels. */
  readonly height: number;
  readonly width: number;
}

/** An opened classifier. */
export interface Model {
  /** The file's name without its folder. */
  readonly name: string;
  /** SHA-256 (hex) of the file. */
  readonly sha256: string;
  /** The graph from image input to logits, constants folded, batch dimension free. */
  readonly graph: Graph;
  readonly input: ImageInput;
  /** The tensor `[N, classCount]` of logits; a final softmax is left off, since it changes no prediction. */
  readonly logits: string;
  readonly classCount: number;
  readonly layers: readonly Layer[];
  /** The file's metadata properties. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Opens a model file.
 * @throws {UnitscopeError} `file` if it cannot be read; `model` if it is not an ONNX image classifier.
 */
export async function openModel(path: string): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const missing = systemCode(cause) === "ENOENT";
    throw new UnitscopeError(
      "file",
      `model "${path}": expected a readable ONNX file, got ${missing ? "no such file" : messageOf(cause)}`,
      { cause },
    );
  }
  return modelFromBytes(bytes, { path });
}

/** Opens a model from the content of its file. */
export function modelFromBytes(bytes: Uint8Array, { path = "model.onnx" }: { path?: string } = {}): Model {
  const place = `model "${path}"`;
  const whole = resolveShapes(freeBatch(foldConstants(raiseOpset(readModel(bytes, place)))));
  const input = imageInput(whole, place);
  const logits = logitsTensor(whole, place);
  const graph = cutTo(whole, [logits]);
  const shapes = inferShapes(graph);
  const shape = shapes.get(logits) ?? whole.outputs.find((port) => port.name === logits)?.shape;
  const classCount = shape?.length === 2 ? shape[1] : undefined;
  if (typeof classCount !== "number") {
    throw new UnitscopeError(
      "model",
      `${place}: expected logits of shape [N, classes], got output "${logits}" of shape ${shape ? `[${shape.join(", ")}]` : "unknown"}`,
    );
  }
  return {
    name: basename(path),
    sha256: sha256(bytes),
    graph,
    input,
    logits,
    classCount,
    layers: findLayers(graph, shapes),
    metadata: whole.metadata,
  };
}

function imageInput(graph: Graph, place: string): ImageInput {
  const described = graph.inputs.map(describe).join(", ") || "no input";
  const found = graph.inputs.find(
    (port) => port.shape?.length === 4 && (isChannels(port.shape[1]) || isChannels(port.shape[3])),
  );
  if (!found?.shape || graph.inputs.length !== 1) {
    throw new UnitscopeError(
      "model",
      `${place}: expected one image input [N, 3, H, W] or [N, H, W, 3] (1 for gray), got ${described}`,
    );
  }
  if (found.type !== "float32") {
    throw new UnitscopeError("model", `${place}: expected a float32 image input, got ${described}`);
  }
  const layout = isChannels(found.shape[1]) ? "nchw" : "nhwc";
  const channels = (layout === "nchw" ? found.shape[1] : found.shape[3]) as 1 | 3;
  const [height, width] = layout === "nchw" ? found.shape.slice(2) : found.shape.slice(1, 3);
  if (typeof height !== "number" || typeof width !== "number") {
    throw new UnitscopeError(
      "model",
      `${place}: expected an image input of fixed size, got ${described}; export the model with fixed height and width`,
    );
  }
  return { name: found.name, layout, channels, height, width };
}

function isChannels(dim: unknown): boolean {
  return dim === 3 || dim === 1;
}

function describe(port: Port): string {
  return `"${port.name}" ${port.type} ${port.shape ? `[${port.shape.map((dim) => dim ?? "?").join(", ")}]` : "of unknown shape"}`;
}

function logitsTensor(graph: Graph, place: string): string {
  const port =
    graph.outputs.length === 1
      ? graph.outputs[0]
      : graph.outputs.find((each) => each.shape?.length === 2 && each.type === "float32");
  if (!port) {
    throw new UnitscopeError(
      "model",
      `${place}: expected an output of logits [N, classes], got ${graph.outputs.map(describe).join(", ") || "no output"}`,
    );
  }
  const last = producersOf(graph).get(port.name);
  const isSoftmax = last?.op === "Softmax" || last?.op === "LogSoftmax";
  return isSoftmax ? last.inputs[0] : port.name;
}
