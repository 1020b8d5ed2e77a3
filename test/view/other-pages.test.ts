/** The viewer's server, attacked: other hosts and origins. */
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type ServedPage, servePage } from "./served-page.ts";

let page: ServedPage;
beforeAll(async () => {
  page = await servePage();
});
afterAll(() => page.close());

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
    const answer = await page.ask("/", { host });
    expect(answer.status).toBe(421);
    expect(answer.body).not.toContain("page</title>");
  });

  test("its port under a name that points here", async () => {
    expect((await page.ask("/", { host: `evil.example:${page.port}` })).status).toBe(421);
    expect((await page.ask("/", { host: `localhost:${page.port}` })).status).toBe(200);
  });

  test("no host at all, two hosts, no request at all", async () => {
    expect(await page.raw("GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
    expect(await page.raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    const two = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${page.port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
    expect(await page.raw(two)).toMatch(/^HTTP\/1\.1 (400|421) /);
    expect(await page.raw("\x16\x03\x01 not http\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect((await page.ask("/")).status).toBe(200);
  });

  test("other addresses of this machine", async () => {
    const others = Object.values(networkInterfaces()).flatMap((found = []) =>
      found.flatMap(({ address, family, internal }) => (family === "IPv4" && !internal ? [address] : [])),
    );
    for (const address of [...others, "::1"]) {
      await expect(page.raw("GET / HTTP/1.0\r\n\r\n", address)).rejects.toThrow(
        /ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/,
      );
    }
  });
});

describe("only its own origin", () => {
  test("a request of another page is refused, even of another port here", async () => {
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "file://"]) {
      expect((await page.ask("/data/run.json", { headers: { Origin: origin } })).status).toBe(403);
    }
    expect((await page.ask("/data/run.json", { headers: { Origin: `http://127.0.0.1:${page.port}` } })).status).toBe(
      200,
    );
  });

  test("a script, image or frame of another page gets nothing; a link to the page works", async () => {
    const fetched = (site: string, mode: string, dest: string): Promise<Answer> =>
      page.ask("/", { headers: { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest } });
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
