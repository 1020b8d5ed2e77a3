/** The viewer's server: what it sends, to whom it says no, how it ends. */
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveFolder } from "../../src/view/serve-folder.ts";
import { type ServedPage, servePage } from "./served-page.ts";

let page: ServedPage;
beforeAll(async () => {
  page = await servePage();
});
afterAll(() => page.close());

test("the page and its files come with their types, isolated and under a policy that names no other place", async () => {
  const { status, headers, body } = await page.ask("/");
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
    expect({ target, ...(await page.ask(target)) }).toMatchObject({
      target,
      status: 200,
      headers: { "content-type": type },
    });
  }
  expect((await page.ask("/data/")).body).toBe("of the folder");
  expect(await page.ask("/empty.txt")).toMatchObject({ status: 200, body: "" });
});

test("HEAD sends the headers of GET and no body", async () => {
  const answer = await page.ask("/app.js", { method: "HEAD" });
  expect(answer).toMatchObject({ status: 200, body: "", headers: { "content-length": "1" } });
});

test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])("%s is not allowed", async (method) => {
  const answer = await page.ask("/app.js", { method });
  expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  expect(answer.headers["content-security-policy"]).toBeDefined();
});

test("a port that is taken, or none, is refused in one line", async () => {
  const message = `port ${page.port}: expected a free port, got one that is taken; leave it out for any`;
  await expect(serveFolder(page.folder, { port: page.port })).rejects.toThrow(message);
  await expect(serveFolder(page.folder, { port: 70_000 })).rejects.toThrow("from 0 to 65535, got 70000");
  await expect(serveFolder(join(page.folder, "none"))).rejects.toThrow(
    /none: expected a file that can be read, got none there/,
  );
});

test("closing ends a connection that is still open", async () => {
  const other = await serveFolder(page.folder);
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
