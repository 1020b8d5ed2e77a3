/** Imports go one way through the house (docs/architecture.md), and never in a circle. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The level of each folder and file, from the table of the document. */
function levelsOf(document: string): Map<string, number> {
  const levels = new Map<string, number>();
  for (const [, level, places] of document.matchAll(/^\| (\d+) \| ([^|]+) \|/gm)) {
    for (const [, place = ""] of (places ?? "").matchAll(/`(src\/[^`]+)`/g)) levels.set(place, Number(level));
  }
  return levels;
}

const levels = levelsOf(readFileSync(join(root, "docs/architecture.md"), "utf8"));
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((path) => `src/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts"));

/** The entry of the table that a file belongs to: itself, or the deepest folder above it. */
function placeOf(path: string): string | undefined {
  if (levels.has(path)) return path;
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    if (levels.has(`${folder}/`)) return `${folder}/`;
  }
  return undefined;
}

/** Files of this project that a file imports, types too, also as a worker (`new URL`). */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), "utf8");
  const found = [...text.matchAll(/(?:from|import\(|import|new URL\()\s*"(\.[^"]+\.ts)"/g)];
  return found.map(([, target = ""]) => join(dirname(path), target).replaceAll("\\", "/"));
}

test("the table names every folder, and only folders that are there", () => {
  expect(files.filter((path) => placeOf(path) === undefined)).toEqual([]);
  const used = new Set(files.map(placeOf));
  expect([...levels.keys()].filter((place) => !used.has(place))).toEqual([]);
});

test("imports go down, or stay within a folder", () => {
  const upward = files.flatMap((path) =>
    importsOf(path)
      .filter((target) => {
        const [from = "", to = ""] = [placeOf(path), placeOf(target)];
        return from !== to && (levels.get(to) ?? Number.NaN) >= (levels.get(from) ?? Number.NaN);
      })
      .map((target) => `${path} → ${target}`),
  );
  expect(upward).toEqual([]);
});

test("no import goes in a circle", () => {
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      circles.push([...way.slice(way.indexOf(path)), path].join(" → "));
      return;
    }
    state.set(path, "open");
    for (const target of importsOf(path)) visit(target, [...way, path]);
    state.set(path, "done");
  };
  for (const path of files) visit(path, []);
  expect(circles).toEqual([]);
});

test("the imports are really read", () => {
  expect(importsOf("src/ablation/sweep.ts")).toContain("src/onnx/layers.ts");
  expect(importsOf("src/runtime/spare-threads.ts")).toContain("src/runtime/worker-thread.ts");
  expect(files.flatMap(importsOf).filter((target) => !files.includes(target))).toEqual([]);
});
