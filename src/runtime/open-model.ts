/** Opens an ONNX classifier: reads the file, checks what an ablation needs, and finds the layers. */
import { readFileSync } from "node:fs";
import { access, constants, readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";
import { systemCode } from "../files/disk-error.ts";
import { sha256, sha256InTurns } from "../files/hash.ts";
import type { ExternalData } from "../onnx/tensor-file.ts";
import type { Runner } from "./measure-graph.ts";
import type { Model } from "./model.ts";
import type { OpenOptions } from "./prepare-model.ts";

export type { ImageInput, Model } from "./model.ts";
export type { OpenOptions } from "./prepare-model.ts";

/**
 * Checks that there is a file that can be read, for whoever loads much before it opens the model.
 * @throws {UnitscopeError} `file` as `openModel`.
 */
export async function requireModelFile(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
}

function unreadable(path: string, cause: unknown): UnitscopeError {
  const code = systemCode(cause);
  const missing = "no such file; check the path, or export the network first (docs/bring-your-own.md)";
  const got = code === "ENOENT" ? missing : code === "EISDIR" ? "a folder" : messageOf(cause);
  return new UnitscopeError("file", `model "${path}": expected a readable ONNX file, got ${got}`, { cause });
}

/**
 * Opens a model file.
 * @throws {UnitscopeError} `file` if it cannot be read; `model` if it is not an ONNX image classifier.
 */
export async function openModel(path: string, options: OpenOptions = {}): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const opening = modelFromBytes(bytes, { ...options, path });
  bytes = new Uint8Array(); // a network's weights are not kept twice
  return opening;
}

/** Opens a model from the content of its file. */
export async function modelFromBytes(
  bytes: Uint8Array,
  { path = "model.onnx", ...options }: OpenOptions & { path?: string } = {},
): Promise<Model> {
  const place = `model "${path}"`;
  refuseOthers(bytes, path, place);
  const beside: string[] = [];
  const external = weightsBeside(path, place, (part) => beside.push(sha256(part)));
  // Loaded once there is something to read, so that a mistyped path is answered at once.
  const [{ readModel }, { prepareModel }] = await Promise.all([
    import("../onnx/model-file.ts"),
    import("./prepare-model.ts"),
  ]);
  const own = await sha256InTurns(bytes);
  const graph = readModel(bytes, place, { external });
  bytes = new Uint8Array(); // the graph has all of it; a large network's weights are not kept twice
  const prepared = await prepareModel(graph, { ...options, place, run: runOnce(place) });
  const digest = beside.length === 0 ? own : sha256(new TextEncoder().encode([own, ...beside].join()));
  return { name: basename(path), sha256: digest, ...prepared };
}

/** Weights that lie in files beside the model, and nowhere else. */
function weightsBeside(path: string, place: string, read: (part: Uint8Array) => void): ExternalData {
  const files = new Map<string, Uint8Array>();
  return (location, offset, length) => {
    const folder = dirname(resolve(path));
    const file = resolve(folder, location);
    if (location === "" || relative(folder, file).startsWith("..") || isAbsolute(location)) {
      throw new UnitscopeError("model", `${place}: expected weights in a file beside it, got "${location}"`);
    }
    let bytes = files.get(file);
    if (!bytes) {
      try {
        bytes = readFileSync(file);
      } catch (cause) {
        throw new UnitscopeError(
          "file",
          `${place}: expected its weights in "${location}" beside it, got ${systemCode(cause) === "ENOENT" ? "no such file" : messageOf(cause)}`,
          { cause },
        );
      }
      files.set(file, bytes);
    }
    const part = bytes.subarray(offset, length === undefined ? undefined : offset + length);
    read(part);
    return part;
  };
}

/** Networks of other tools, by their name or what stands in their first bytes, and how each becomes an ONNX file. */
const others: readonly { readonly name: RegExp; readonly holds?: string; readonly advice: string }[] = [
  {
    name: /\.(pt|pth|ckpt|bin)$/i,
    holds: "/data.pkl", // the first entry of the archive
    advice: 'a PyTorch file; export it in Python with torch.onnx.export(model.eval(), images, "model.onnx")',
  },
  {
    name: /\.(h5|hdf5|keras)$/i,
    holds: "\x89HDF",
    advice: "a Keras file; export it with python -m tf2onnx.convert --keras model.h5 --output model.onnx",
  },
  {
    name: /\.tflite$/i,
    advice:
      "a TensorFlow Lite file; export it with python -m tf2onnx.convert --tflite model.tflite --output model.onnx",
  },
  {
    name: /\.safetensors$/i,
    advice: "weights without a network; load them into the model in Python and use torch.onnx.export",
  },
];

/** @throws {UnitscopeError} `model` for a file of another tool, with how to export it. */
function refuseOthers(bytes: Uint8Array, path: string, place: string): void {
  const start = String.fromCharCode(...bytes.subarray(0, 256));
  const found =
    others.find(({ name }) => name.test(path)) ??
    others.find(({ holds }) => holds !== undefined && start.includes(holds));
  if (found) throw new UnitscopeError("model", `${place}: expected an ONNX model, got ${found.advice}`);
}

/** Runs graphs in sessions that are closed again. */
function runOnce(place: string): Runner {
  return async (graph, feeds) => {
    // Most networks open without running anything.
    const { openSession } = await import("./session.ts");
    const session = await openSession(graph, { place });
    try {
      const results: Awaited<ReturnType<typeof session.run>>[] = [];
      for (const each of feeds) results.push(await session.run(each));
      return results;
    } finally {
      await session.close();
    }
  };
}
