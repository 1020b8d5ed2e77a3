/** The static site: every link leads somewhere, nothing comes from elsewhere, and it is small enough for any host. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { buildSite, mostBytes } from "../../site/build-site.ts";
import { renderPage } from "../../site/render-page.ts";
import { newFolder } from "../runs/example-run.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the site of this clone has no broken link and fetches nothing from elsewhere", () => {
  const folder = newFolder();
  const report = join(folder, "report");
  mkdirSync(join(report, "data"), { recursive: true });
  writeFileSync(join(report, "index.html"), "<!doctype html><title>explorer</title>");
  writeFileSync(join(report, "data", "page.js"), "1");
  const site = buildSite({ root, report, out: join(folder, "site") });
  expect(site.broken).toEqual([]);
  expect(site.bytes).toBeLessThan(mostBytes - 15e6); // what the explorer needs
  expect(site.files).toEqual(
    expect.arrayContaining([
      "index.html",
      "docs/commands.html",
      "docs/paper.html",
      "docs/paper-100-classes.html",
      "explorer/data/page.js",
      "site.css",
    ]),
  );
  for (const page of site.files.filter((file) => file.endsWith(".html") && !file.startsWith("explorer/"))) {
    const text = readFileSync(join(site.out, page), "utf8");
    expect(text).not.toMatch(/<(script|iframe|object|embed)\b|\son\w+=|javascript:/i);
    expect(text.match(/<h1/g), page).toHaveLength(1);
    expect(text).toContain('<a href="');
  }
  expect(readFileSync(join(site.out, "docs/paper.html"), "utf8")).toContain("<details>");
  expect(buildSite({ root, out: site.out }).files).not.toContain("explorer/index.html");
});

test("a broken link is found, an anchor that is missing too", () => {
  const folder = newFolder();
  mkdirSync(join(folder, "docs"));
  writeFileSync(
    join(folder, "README.md"),
    "# It\n\n[a](docs/a.md#there) [b](docs/a.md#gone) [c](none.md) ![d](none.svg) [e](#it)",
  );
  writeFileSync(join(folder, "docs", "a.md"), "# There\n\n[up](../README.md) ![x](https://example.org/x.png)");
  expect(buildSite({ root: folder, out: join(folder, "site") }).broken).toEqual([
    "docs/a.html: https://example.org/x.png",
    "index.html: docs/a.html#gone",
    "index.html: none.md",
    "index.html: none.svg",
    "index.html: none.svg",
  ]);
});

test("a folder with something else in it is left as it is", () => {
  const folder = newFolder();
  writeFileSync(join(folder, "thesis.tex"), "mine");
  expect(() => buildSite({ root, out: folder })).toThrow(
    /expected an empty folder or an earlier site, got other files/,
  );
  expect(existsSync(join(folder, "thesis.tex"))).toBe(true);
});

test("headings get GitHub's anchors, tables scroll, comments go", () => {
  const html = renderPage({
    markdown: "# A `b` & <c>\n\n## Same\n\n## Same\n\n<!-- hidden -->\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n",
    path: "docs/x.html",
    navigation: [{ label: "Home", href: "index.html" }],
    resolve: (href) => href,
  });
  expect(html).toContain("<title>A b &amp; &lt;c&gt; · unitscope</title>");
  expect(html).toMatch(/<h1 id="a-b--c">/);
  expect(html).toMatch(/<h2 id="same">.*<h2 id="same-1">/s);
  expect(html).toContain('<td class="right">2</td>');
  expect(html).toContain('<a href="../index.html">Home</a>');
  expect(html).not.toContain("hidden");
});
