/** Archives and tables that NumPy and PyArrow wrote (test/golden/arrays.py), and the arrays that went into them. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

const written = JSON.parse(readFileSync(new URL("../golden/arrays.json", import.meta.url), "utf8")) as Record<
  "npz" | "parquet",
  Record<string, string>
>;

/** Writes a file of the collection into a new folder and gives its path. */
export async function writtenFile(kind: "npz" | "parquet", name: string): Promise<string> {
  const path = join(await temporaryFolder(), `${name}.${kind}`);
  await writeFile(path, Buffer.from(written[kind][name], "base64"));
  return path;
}

/** Image `image` of the colour array `[6, 4, 5, 3]`. */
export function colourImage(image: number): Uint8Array {
  return Uint8Array.from({ length: 60 }, (_, at) => ((image * 60 + at) * 7) % 256);
}

/** Image `image` of the gray array `[6, 4, 5]`, as RGB. */
export function grayImage(image: number, added: number = 0): Uint8Array {
  return Uint8Array.from({ length: 60 }, (_, at) => ((((image * 20 + Math.floor(at / 3)) * 11) % 256) + added) % 256);
}
