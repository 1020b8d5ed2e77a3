/** Golden SVGs: a figure must equal the file of its name; a changed one is written beside it to be looked at. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { textWidth } from "../../src/figures/text-layout.ts";

/**
 * Compares with `golden/<name>.svg`, after checks that need no golden: well-formed XML, no NaN, nothing fetched from
 * elsewhere, no text outside the picture. `UPDATE_GOLDEN=1` takes the figure as the new golden.
 */
export function expectGolden(name: string, svg: string): void {
  expectWellFormed(svg);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg).not.toMatch(/(href|src)="(?!data:)/);
  expectTextInside(svg);
  const path = new URL(`golden/${name}.svg`, import.meta.url);
  const actual = new URL(`golden/${name}.actual.svg`, import.meta.url);
  rmSync(actual, { force: true });
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, svg);
  const golden = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (svg === golden) return;
  writeFileSync(actual, svg);
  expect.fail(
    `${name}.svg differs from its golden file; look at ${actual.pathname}, then take it with UPDATE_GOLDEN=1`,
  );
}

/** Every element is closed in order, every attribute quoted, every ampersand an entity. */
export function expectWellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replaceAll(
    /<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, closing, name, __, empty) => {
      if (closing === "/") expect(open.pop()).toBe(name);
      else if (empty !== "/") open.push(name as string);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toContain("<");
  expect(svg.replaceAll(/&(amp|lt|gt|quot);/g, "")).not.toContain("&");
}

/** Upright texts, by our estimate of their width, lie inside the picture, and none is empty. */
export function expectTextInside(svg: string): void {
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg) as unknown as [string, string, string];
  for (const [, attributes, content] of svg.matchAll(/<text([^>]*)>([^<]*)/g) as Iterable<[string, string, string]>) {
    const attribute = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    if (attribute("transform") !== "") continue;
    const classes = attribute("class").split(" ");
    const size = classes.includes("title")
      ? 15
      : classes.includes("panel") || classes.includes("label")
        ? 12
        : classes.includes("small")
          ? 10
          : 11;
    const text = content
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&");
    const extent = textWidth(text, size);
    const x = Number(attribute("x"));
    const start =
      attribute("text-anchor") === "end" ? x - extent : attribute("text-anchor") === "middle" ? x - extent / 2 : x;
    expect(start, `start of "${text}"`).toBeGreaterThanOrEqual(-1);
    expect(start + extent, `end of "${text}"`).toBeLessThanOrEqual(Number(width) + 1);
    expect(Number(attribute("y")), `baseline of "${text}"`).toBeLessThanOrEqual(Number(height));
    expect(text).not.toBe("");
  }
}
