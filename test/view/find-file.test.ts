/** The viewer's server, attacked: ways out of the folder. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findFile } from "../../src/view/find-file.ts";
import { type ServedPage, servePage } from "./served-page.ts";

let page: ServedPage;
beforeAll(async () => {
  page = await servePage();
});
afterAll(() => page.close());

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
    const answer = await page.ask(target);
    expect(answer.status).toBe(404);
    expect(answer.body).toBe("no such file\n");
  });

  test("a link to a folder inside leads to what is inside", async () => {
    expect((await page.ask("/data/up/app.js")).body).toBe("1");
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
        const found = await findFile(page.folder, `/${pieces.join("")}`);
        expect(found === undefined || found.path.startsWith(`${page.folder}/`)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
