/** Opens an ONNX classifier: reads the file, checks what an ablation needs, and finds the layers. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";
import { systemCode } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { readModel } from "../onnx/model-file.ts";
import type { Runner } from "./measure-graph.ts";
import type { Model } from "./model.ts";
import { type OpenOptions, prepareModel } from "./prepare-model.ts";
import { openSession } from "./session.ts";

export type { ImageInput, Model } from "./model.ts";
export type { OpenOptions } from "./prepare-model.ts";

/**
 * Opens a model file.
 * @throws {UnitscopeError} `file` if it cannot be read; `model` if it is not an ONNX image classifier.
 */
export async function openModel(path: string, options: OpenOptions = {}): Promise<Model> {
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
  return modelFromBytes(bytes, { ...options, path });
}

/** Opens a model from the content of its file. */
export async function modelFromBytes(
  bytes: Uint8Array,
  { path = "model.onnx", ...options }: OpenOptions & { path?: string } = {},
): Promise<Model> {
  const place = `model "${path}"`;
  const prepared = await prepareModel(readModel(bytes, place), { ...options, place, run: runOnce(place) });
  return { name: basename(path), sha256: sha256(bytes), ...prepared };
}

/** Runs graphs in sessions that are closed again. */
function runOnce(place: string): Runner {
  return async (graph, feeds) => {
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
