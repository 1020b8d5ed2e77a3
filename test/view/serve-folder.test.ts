/** The viewer's server, attacked: other hosts and origins, ways out of the folder, other methods. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findFile } from "../../src/view/find-file.ts";
import { type ServedFolder, serveFolder } from "../../src/view/serve-folder.ts";

const secret = "SECRET outside the folder";
let above: string;
let folder: string;
let served: ServedFolder;

beforeAll(async () => {
  above = await mkdtemp(join(tmpdir(), "unitscope-view-"));
  folder = join(above, "page");
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
  served = await serveFolder(folder);
});

afterAll(async () => {
  await served.close();
  await rm(above, { recursive: true });
});

/** Sends bytes as they are, and gives everything that came back. */
function raw(text: string, address = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: served.port });
    let got = "";
    socket.setEncoding("latin1");
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk: string) => {
      got += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(got));
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function ask(
  target: string,
  {
    method = "GET",
    host = `127.0.0.1:${served.port}`,
    headers = {},
  }: {
    method?: string;
    host?: string;
    headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answer> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = await raw(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines.join("")}Connection: close\r\n\r\n`);
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...named] = head.split("\r\n");
  return {
    status: Number(first.split(" ")[1]),
    headers: Object.fromEntries(
      named.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
    ),
    body: rest.join("\r\n\r\n"),
  };
}

test("the page and its files come with their types, isolated and under a policy that names no other place", async () => {
  const { status, headers, body } = await ask("/");
  expect({ status, body }).toEqual({ status: 200, body: "<!doctype html><title>page</title>" });
  expect(headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
  });
  const policy = headers["content-security-policy"] ?? "";
  expect(policy).toMatch(/^default-src 'none'; script-src 'self' /);
  expect(policy).not.toMatch(/https?:|\*|script-src[^;]*'unsafe-(inline|eval)'/);
  const types: Readonly<Record<string, string>> = {
    "/app.js": "text/javascript; charset=utf-8",
    "/worker.mjs": "text/javascript; charset=utf-8",
    "/inside.js": "text/javascript; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
    "/figure.svg": "image/svg+xml; charset=utf-8",
    "/data/run.json": "application/json; charset=utf-8",
    "/data/run.json?v=1#x": "application/json; charset=utf-8",
    "/runtime.wasm": "application/wasm",
    "/sprite.webp": "image/webp",
    "/model.onnx": "application/octet-stream",
    "/gr%C3%B6%C3%9Fe%20100%25.txt": "text/plain; charset=utf-8",
  };
  for (const [target, type] of Object.entries(types)) {
    expect({ target, ...(await ask(target)) }).toMatchObject({
      target,
      status: 200,
      headers: { "content-type": type },
    });
  }
  expect((await ask("/data/")).body).toBe("of the folder");
  expect(await ask("/empty.txt")).toMatchObject({ status: 200, body: "" });
});

test("HEAD sends the headers of GET and no body", async () => {
  const answer = await ask("/app.js", { method: "HEAD" });
  expect(answer).toMatchObject({ status: 200, body: "", headers: { "content-length": "1" } });
});

test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])("%s is not allowed", async (method) => {
  const answer = await ask("/app.js", { method });
  expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  expect(answer.headers["content-security-policy"]).toBeDefined();
});

describe("nothing outside the folder", () => {
  const targets = [
    "/../secret.txt",
    "/data/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%252e%252e/secret.txt",
    "/.%2e/secret.txt",
    "/./../secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%af../secret.txt",
    "/..;/secret.txt",
    "/../page-not/secret.txt",
    "//etc/passwd",
    "///etc/passwd",
    "/%2fetc/passwd",
    "/etc/passwd",
    "/C:/Windows/win.ini",
    "/C:%5cWindows%5cwin.ini",
    "/app.js::$DATA",
    "/file:///etc/passwd",
    "http://127.0.0.1/../secret.txt",
    "file:///etc/passwd",
    "/app.js%00.txt",
    "/link.txt",
    "/linked/secret.txt",
    "/linked/page/app.js/../../secret.txt",
    "/data/up/secret.txt",
    "/data/up/up/secret.txt",
    "/data/up/../secret.txt",
    "/endless",
    "/loop",
    "/.hidden",
    "/%2ehidden",
    "/data",
    "/missing.js",
    "/app.js/",
    "/%",
    "/%zz",
    "*",
  ];
  test.each(targets)("%s", async (target) => {
    const answer = await ask(target);
    expect(answer.status).toBe(404);
    expect(answer.body).toBe("no such file\n");
  });

  test("a link to a folder inside leads to what is inside", async () => {
    expect((await ask("/data/up/app.js")).body).toBe("1");
  });

  test("whatever the target, what is found lies in the folder", async () => {
    const piece = fc.constantFrom(
      "..",
      ".",
      "%2e",
      "%2f",
      "/",
      "\\",
      "%5c",
      "data",
      "up",
      "linked",
      "secret.txt",
      "link.txt",
      "",
      "%",
      "~",
      "\0",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 9 }), async (pieces) => {
        const found = await findFile(folder, `/${pieces.join("")}`);
        expect(found === undefined || found.path.startsWith(`${folder}/`)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("only its own host", () => {
  test.each([
    "evil.example",
    "evil.example:80",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost",
    "localhost.evil.example",
    "[::1]",
    "0.0.0.0",
    "127.0.0.1.nip.io",
    "",
  ])("host %s", async (host) => {
    const answer = await ask("/", { host });
    expect(answer.status).toBe(421);
    expect(answer.body).not.toContain("page</title>");
  });

  test("its port under a name that points here", async () => {
    expect((await ask("/", { host: `evil.example:${served.port}` })).status).toBe(421);
    expect((await ask("/", { host: `localhost:${served.port}` })).status).toBe(200);
  });

  test("no host at all, two hosts, no request at all", async () => {
    expect(await raw("GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
    expect(await raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    const two = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
    expect(await raw(two)).toMatch(/^HTTP\/1\.1 (400|421) /);
    expect(await raw("\x16\x03\x01 not http\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect((await ask("/")).status).toBe(200);
  });

  test("other addresses of this machine", async () => {
    const others = Object.values(networkInterfaces()).flatMap((found = []) =>
      found.flatMap(({ address, family, internal }) => (family === "IPv4" && !internal ? [address] : [])),
    );
    for (const address of [...others, "::1"]) {
      await expect(raw("GET / HTTP/1.0\r\n\r\n", address)).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/);
    }
  });
});

describe("only its own origin", () => {
  test("a request of another page is refused, even of another port here", async () => {
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "file://"]) {
      expect((await ask("/data/run.json", { headers: { Origin: origin } })).status).toBe(403);
    }
    expect((await ask("/data/run.json", { headers: { Origin: `http://127.0.0.1:${served.port}` } })).status).toBe(200);
  });

  test("a script, image or frame of another page gets nothing; a link to the page works", async () => {
    const fetched = (site: string, mode: string, dest: string): Promise<Answer> =>
      ask("/", { headers: { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest } });
    for (const site of ["cross-site", "same-site"]) {
      expect((await fetched(site, "no-cors", "script")).status).toBe(403);
      expect((await fetched(site, "no-cors", "image")).status).toBe(403);
      expect((await fetched(site, "navigate", "iframe")).status).toBe(403);
      expect((await fetched(site, "navigate", "document")).status).toBe(200);
    }
    expect((await fetched("same-origin", "no-cors", "script")).status).toBe(200);
    expect((await fetched("none", "navigate", "document")).status).toBe(200);
  });
});

test("a port that is taken, or none, is refused in one line", async () => {
  const message = `port ${served.port}: expected a free port, got one that is taken; leave it out for any`;
  await expect(serveFolder(folder, { port: served.port })).rejects.toThrow(message);
  await expect(serveFolder(folder, { port: 70_000 })).rejects.toThrow("from 0 to 65535, got 70000");
  await expect(serveFolder(join(folder, "none"))).rejects.toThrow(
    /none: expected a file that can be read, got none there/,
  );
});

test("closing ends a connection that is still open", async () => {
  const other = await serveFolder(folder);
  const socket = connect({ host: "127.0.0.1", port: other.port });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await new Promise((resolve) => socket.on("connect", resolve));
  socket.on("error", () => undefined); // a reset is an end, too
  socket.write("GET / HTTP/1.1\r\nHost: 127.0.");
  socket.resume();
  await other.close();
  await closed;
  await expect(fetch(other.url)).rejects.toThrow();
});
