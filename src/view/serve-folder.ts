/** Serves one folder to this machine's own browser: on 127.0.0.1 only, read only, its own host and origin only. */
import { createReadStream } from "node:fs";
import { realpath } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { lookup } from "mrmime";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { findFile } from "./find-file.ts";
import { pageHeaders } from "./page-headers.ts";
import { refuseRequest } from "./refuse-request.ts";

/** A folder that is being served. */
export interface ServedFolder {
  /** Where its `index.html` is: `http://127.0.0.1:PORT/`. */
  readonly url: string;
  readonly port: number;
  /** Stops, and ends the connections that are open. */
  close(): Promise<void>;
}

/**
 * Serves a folder until `close`.
 *
 * @param options.port 0 takes one that is free.
 * @throws {UnitscopeError} `usage` if the port is taken or not allowed; `file` if the folder cannot be read.
 */
export async function serveFolder(folder: string, { port = 0 }: { port?: number } = {}): Promise<ServedFolder> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UnitscopeError("usage", `port: expected a whole number from 0 to 65535, got ${port}`);
  }
  const root = await realFolder(folder);
  const server = createServer((request, response) => {
    answer(root, request, response).catch(() => response.destroy()); // the browser has gone, or the file has
  });
  await listen(server, port);
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${taken}/`,
    port: taken,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (cause) {
    throw diskError(folder, cause);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const got = cause.code === "EADDRINUSE" ? "one that is taken" : cause.code;
      reject(
        new UnitscopeError("usage", `port ${port}: expected a free port, got ${got}; leave it out for any`, { cause }),
      );
    });
    server.listen({ host: "127.0.0.1", port }, resolve);
  });
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const address = request.socket.localPort ?? 0;
  const refusal = refuseRequest(request, address);
  if (refusal) {
    request.resume();
    sendText(response, refusal.status, refusal.reason, refusal.status === 405 ? { Allow: "GET, HEAD" } : {});
    return;
  }
  const file = await findFile(root, request.url ?? "");
  if (!file) {
    sendText(response, 404, "no such file");
    return;
  }
  response.writeHead(200, { ...pageHeaders, "Content-Type": typeOf(file.path), "Content-Length": file.sizeBytes });
  if (request.method === "HEAD" || file.sizeBytes === 0) response.end();
  else await pipeline(createReadStream(file.path, { end: file.sizeBytes - 1 }), response);
}

function sendText(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    ...pageHeaders,
    ...headers,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(`${text}\n`),
  });
  response.end(`${text}\n`);
}

function typeOf(path: string): string {
  const type = lookup(path) ?? "application/octet-stream";
  return /^text\/|javascript|json|svg/.test(type) ? `${type}; charset=utf-8` : type;
}
