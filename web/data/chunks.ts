/** Loads the page's data: scripts that call `unitscopeChunk` with their name and content. */
import { UnitscopeError } from "../../src/errors.ts";
import { type Chunk, decodeChunk } from "../../src/report/chunk.ts";
import { pending } from "./pending.ts";

declare global {
  var unitscopeChunk: (name: string, content: string) => void;
}

const loading = new Map<string, Promise<Chunk>>();
const waiting = new Map<string, (content: string) => void>();

globalThis.unitscopeChunk = (name, content) => waiting.get(name)?.(content);

/**
 * A chunk of the page; read once.
 * @throws {UnitscopeError} `file` if its script is not there.
 */
export function loadChunk(name: string, folder: string = "data"): Promise<Chunk> {
  const known = loading.get(name);
  if (known) return known;
  const content = scriptContent(name, `${folder}/${encodeURIComponent(name)}.js`);
  const loaded = pending(content.then(inflate).then(decodeChunk));
  loading.set(name, loaded);
  return loaded;
}

function scriptContent(name: string, src: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const finish = (): void => {
      waiting.delete(name);
      script.remove();
    };
    waiting.set(name, (content) => {
      finish();
      resolve(content);
    });
    script.src = src;
    script.async = true;
    script.addEventListener("error", () => {
      finish();
      reject(new UnitscopeError("file", `${src}: expected a file of this page, got none; copy the whole folder`));
    });
    document.head.append(script);
  });
}

/** Base64 of gzip to bytes. */
async function inflate(content: string): Promise<Uint8Array> {
  const text = atob(content);
  const packed = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) packed[at] = text.charCodeAt(at);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
