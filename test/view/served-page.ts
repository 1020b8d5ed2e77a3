/** A page's folder, with ways out of it, behind the viewer's server; what its answers are, byte by byte. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveFolder } from "../../src/view/serve-folder.ts";

const secret = "SECRET outside the folder";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a file is asked for. */
interface Request {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A folder that is served until it is closed. */
export interface ServedPage {
  readonly folder: string;
  readonly port: number;
  /** Sends bytes as they are, and gives everything that came back. */
  raw(text: string, address?: string): Promise<string>;
  ask(target: string, request?: Request): Promise<Answer>;
  close(): Promise<void>;
}

/** Writes the folder and serves it. */
export async function servePage(): Promise<ServedPage> {
  const above = await mkdtemp(join(tmpdir(), "unitscope-view-"));
  const folder = join(above, "page");
  await mkdir(join(folder, "data"), { recursive: true });
  await mkdir(join(above, "page-not"));
  const files: Readonly<Record<string, string>> = {
    "secret.txt": secret,
    "page-not/secret.txt": secret,
    "page/index.html": "<!doctype html><title>page</title>",
    "page/app.js": "1",
    "page/style.css": "a{}",
    "page/figure.svg": "<svg/>",
    "page/data/run.json": "{}",
    "page/data/index.html": "of the folder",
    "page/runtime.wasm": "\0asm",
    "page/worker.mjs": "2",
    "page/sprite.webp": "w",
    "page/model.onnx": "m",
    "page/empty.txt": "",
    "page/.hidden": secret,
    "page/größe 100%.txt": "named",
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(above, path), text);
  await symlink(join(above, "secret.txt"), join(folder, "link.txt"));
  await symlink(above, join(folder, "linked"));
  await symlink("..", join(folder, "data", "up"));
  await symlink(join(folder, "app.js"), join(folder, "inside.js"));
  await symlink("/dev/zero", join(folder, "endless"));
  await symlink(join(folder, "loop"), join(folder, "loop"));
  const served = await serveFolder(folder);
  const { port } = served;
  const close = async (): Promise<void> => {
    await served.close();
    await rm(above, { recursive: true });
  };
  const raw = (text: string, address = "127.0.0.1"): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: address, port });
      let got = "";
      socket.setEncoding("latin1");
      socket.on("connect", () => socket.write(text));
      socket.on("data", (chunk: string) => {
        got += chunk;
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(got));
    });
  const ask = async (
    target: string,
    { method = "GET", host = `127.0.0.1:${port}`, headers = {} }: Request = {},
  ): Promise<Answer> => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const text = await raw(
      `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join("")}Connection: close\r\n\r\n`,
    );
    const [head = "", ...rest] = text.split("\r\n\r\n");
    const [first = "", ...named] = head.split("\r\n");
    return {
      status: Number(first.split(" ")[1]),
      headers: Object.fromEntries(
        named.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
      ),
      body: rest.join("\r\n\r\n"),
    };
  };
  return { folder, port, raw, ask, close };
}
