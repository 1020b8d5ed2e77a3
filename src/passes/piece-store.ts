/**
 * Resumable pieces of work, cached inside a run: small files keyed by the content that made them.
 *
 * The whole key (model, tap, ablation, preprocessing, data, schema version) is part of the folder's name by its hash
 * and of every piece in full: a piece that another key made is an error, never a silent reuse. A piece that is
 * truncated or damaged counts as not there, so that it is computed again.
 *
 * A piece: magic, key length, name length, payload length (uint32, little endian), key, name, payload, SHA-256 of all
 * that comes before.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { openAtomicFile } from "../files/atomic-file.ts";
import { canonicalJson, firstDifference, type Json } from "../files/canonical-json.ts";
import { diskError } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";

/** Pieces of one key. Names are short: letters, digits, dots, dashes and underscores. */
export interface PieceStore {
  /** Folder of the pieces. */
  readonly path: string;
  /** A piece's bytes; `undefined` if it is not there or damaged. @throws {UnitscopeError} `run` if another key made it. */
  get(name: string): Uint8Array | undefined;
  /** Stores a piece, whole or not at all; one that is there and whole stays. @throws {UnitscopeError} `file` if the disk refuses. */
  put(name: string, bytes: Uint8Array): void;
  /** Names of the pieces, sorted; damaged ones may be among them. */
  names(): string[];
  /** Removes all pieces of this key, once what they were for is written. */
  clear(): void;
}

/**
 * Opens the pieces of one key in a run folder.
 * @param key everything that the pieces depend on, as JSON.
 */
export function openPieceStore(runPath: string, key: Json): PieceStore {
  const keyText = canonicalJson(key);
  const path = join(runPath, "pieces", sha256(keyText).slice(0, 16));
  const pathOf = (name: string): string => {
    if (/^[\w.-]{1,120}$/.test(name)) return join(path, `${name}.piece`);
    throw new UnitscopeError("internal", `internal: piece: expected a plain name, got ${JSON.stringify(name)}`);
  };
  return {
    path,
    get: (name) => {
      const file = pathOf(name);
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(file);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw diskError(file, cause);
      }
      const piece = decodePiece(bytes);
      if (!piece) return undefined;
      const difference =
        firstDifference(JSON.parse(piece.key) as Json, key) ?? firstDifference(piece.name, name, "piece");
      if (!difference) return piece.payload;
      throw new UnitscopeError("run", `${file}: ${difference}; remove the file, or choose another folder`);
    },
    put: (name, bytes) => {
      const file = openAtomicFile(pathOf(name));
      for (const part of encodePiece(keyText, name, bytes)) file.write(part);
      file.commit();
    },
    names: () => {
      if (!existsSync(path)) return [];
      const files = readdirSync(path).filter((file) => file.endsWith(".piece") && !file.startsWith("."));
      return files.map((file) => file.slice(0, -".piece".length)).sort();
    },
    clear: () => {
      rmSync(path, { recursive: true, force: true });
      const parent = join(runPath, "pieces");
      if (existsSync(parent) && readdirSync(parent).length === 0) rmdirSync(parent);
    },
  };
}

const magic = 0x32435055; // "UPC2"
const headerBytes = 16;
const digestBytes = 32;

function digestOf(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.from(sha256(...parts), "hex");
}

function encodePiece(key: string, name: string, payload: Uint8Array): Uint8Array[] {
  const encoder = new TextEncoder();
  const keyBytes = encoder.encode(key);
  const nameBytes = encoder.encode(name);
  const header = new DataView(new ArrayBuffer(headerBytes));
  for (const [at, value] of [magic, keyBytes.length, nameBytes.length, payload.length].entries()) {
    header.setUint32(4 * at, value, true);
  }
  const parts = [new Uint8Array(header.buffer), keyBytes, nameBytes, payload];
  return [...parts, digestOf(...parts)];
}

function decodePiece(bytes: Uint8Array): { key: string; name: string; payload: Uint8Array } | undefined {
  if (bytes.length < headerBytes + digestBytes) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const [found, keyLength, nameLength, payloadLength] = [0, 4, 8, 12].map((at) => header.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const nameStart = headerBytes + keyLength;
  const payloadStart = nameStart + nameLength;
  const digestStart = payloadStart + payloadLength;
  if (found !== magic || bytes.length !== digestStart + digestBytes) return undefined;
  if (!digestOf(bytes.subarray(0, digestStart)).equals(bytes.subarray(digestStart))) return undefined;
  const decoder = new TextDecoder();
  return {
    key: decoder.decode(bytes.subarray(headerBytes, nameStart)),
    name: decoder.decode(bytes.subarray(nameStart, payloadStart)),
    payload: new Uint8Array(bytes.subarray(payloadStart, digestStart)),
  };
}
