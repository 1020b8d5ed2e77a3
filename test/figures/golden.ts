/** Golden SVGs: a figure must equal the file of its name; a changed one is written beside it to be looked at. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { textWidth } from "../../src/figures/text-layout.ts";
import { fontOf } from "../../src/figures/theme.ts";

/**
 * Compares with `golden/<name>.svg`, after checks that need no golden: well-formed XML, no NaN, nothing fetched from
 * elsewhere, no text outside the picture, on another or on a vertical line of bars. `UPDATE_GOLDEN=1` takes the figure as the new golden.
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

/** What a text covers, in pixels; `width` is the upper bound that the layout reckons with. */
interface TextBox {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Every text lies inside the picture, on no other text and on no vertical line of bars, as wide as it is in the widest common font. */
export function expectTextInside(svg: string): void {
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
  const boxes = textBoxes(svg);
  const lines = Array.from(
    svg.matchAll(/class="none reference" d="([^"]*)" stroke-dasharray/g),
    ([, path]) => path ?? "",
  );
  const verticals = lines.flatMap((path) =>
    Array.from(path.matchAll(/M([\d.]+),([\d.]+)V([\d.]+)/g), ([, x, top, bottom]) => ({
      x: Number(x),
      top: Number(top),
      bottom: Number(bottom),
    })),
  );
  for (const { text, left, right, top, bottom } of boxes) {
    expect(text).not.toBe("");
    expect(left, `start of "${text}"`).toBeGreaterThanOrEqual(0);
    expect(right, `end of "${text}"`).toBeLessThanOrEqual(Number(width));
    expect(top, `top of "${text}"`).toBeGreaterThanOrEqual(0);
    expect(bottom, `bottom of "${text}"`).toBeLessThanOrEqual(Number(height));
  }
  for (const [at, one] of boxes.entries()) {
    for (const other of boxes.slice(at + 1)) {
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 0.5 && down > 0.5) expect.fail(`"${one.text}" and "${other.text}" lie over each other`);
    }
    for (const { x, top, bottom } of verticals) {
      const isThrough = x > one.left && x < one.right && top < one.bottom && bottom > one.top;
      if (isThrough) expect.fail(`a line runs through "${one.text}"`);
    }
  }
}

/** The boxes of all texts; letters reach from three quarters of the font size above the baseline to a fifth below. */
function textBoxes(svg: string): TextBox[] {
  return Array.from(svg.matchAll(/<text([^>]*)>([^<]*)/g), ([, attributes = "", content = ""]) => {
    const attribute = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    const className = attribute("class");
    const text = content
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&");
    const extent = textWidth(text, className);
    const { size } = fontOf(className);
    const anchor = attribute("text-anchor");
    const before = anchor === "end" ? extent : anchor === "middle" ? extent / 2 : 0;
    const [above, below] = [0.75 * size, 0.2 * size];
    const turned = /^translate\(([-\d.]+) ([-\d.]+)\) rotate\(-90\)$/.exec(attribute("transform"));
    if (turned) {
      const [x, y] = [Number(turned[1]), Number(turned[2])];
      return { text, left: x - above, right: x + below, top: y - (extent - before), bottom: y + before };
    }
    expect(attribute("transform")).toBe("");
    const [x, y] = [Number(attribute("x")), Number(attribute("y"))];
    return { text, left: x - before, right: x - before + extent, top: y - above, bottom: y + below };
  });
}
