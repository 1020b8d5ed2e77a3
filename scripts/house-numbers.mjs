#!/usr/bin/env node
/**
 * How the house stands, in numbers: files and their lines, import cycles, documented exports, assertions that change no
 * type, levels. Of `src/`, without generated code. Usage: node scripts/house-numbers.mjs [FOLDER OF A CHECKOUT]
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(process.argv[2] ?? join(import.meta.dirname, ".."));
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((path) => `src/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts") && !path.startsWith("src/onnx/proto/"));
const texts = new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));

const lines = [...texts].map(([path, text]) => ({ path, count: text.trimEnd().split("\n").length }));
const sorted = lines.map(({ count }) => count).sort((a, b) => a - b);
const quantile = (p) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
const longest = lines.sort((a, b) => b.count - a.count).slice(0, 5);

console.log(`files                  ${files.length}`);
console.log(`lines                  ${sorted.reduce((sum, count) => sum + count, 0)} (median ${quantile(0.5)}, p90 ${quantile(0.9)})`);
console.log(`over 300 lines         ${sorted.filter((count) => count > 300).length}`);
console.log(`longest                ${longest.map(({ path, count }) => `${path} ${count}`).join(", ")}`);
console.log(`import cycles          ${countCycles()}`);
const { documented, all } = countExports();
console.log(`documented exports     ${documented} of ${all} (${((100 * documented) / all).toFixed(1)} %)`);
console.log(`assertions that do nothing  ${countIdleAssertions()}`);
const levels = readFileSync(join(root, "docs/architecture.md"), "utf8").matchAll(/^\| (\d+) \| [^|]*`src\//gm);
console.log(`levels                 ${new Set(Array.from(levels, ([, level]) => level)).size}`);

/** Strongly connected groups of files with more than one member (Tarjan 1972). */
function countCycles() {
  const importsOf = (path) =>
    Array.from(
      (texts.get(path) ?? "").matchAll(/(?:from|import\(|import|new URL\()\s*"(\.[^"]+\.ts)"/g),
      ([, target]) => join(dirname(path), target).replaceAll("\\", "/"),
    );
  const index = new Map();
  const low = new Map();
  const stack = [];
  let cycles = 0;
  const visit = (path) => {
    index.set(path, index.size);
    low.set(path, index.get(path));
    stack.push(path);
    for (const target of importsOf(path)) {
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(path, Math.min(low.get(path), low.get(target)));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) cycles++;
  };
  for (const path of files) if (!index.has(path)) visit(path);
  return cycles;
}

/** Exported declarations, and those with a doc comment right above them (an overload shares its first one's). */
function countExports() {
  let all = 0;
  let documented = 0;
  for (const text of texts.values()) {
    const names = new Set();
    for (const found of text.matchAll(
      /^export (?:async )?(?:declare )?(?:abstract )?(?:const|function\*?|class|interface|type|enum) (\w+)/gm,
    )) {
      if (names.has(found[1])) continue;
      names.add(found[1]);
      all++;
      if (text.slice(0, found.index).trimEnd().endsWith("*/")) documented++;
    }
  }
  return { documented, all };
}

/** What the type-aware linter finds; "not counted" where it is not installed. */
function countIdleAssertions() {
  const rule = "typescript/no-unnecessary-type-assertion";
  const options = ["oxlint", "--type-aware", "-A", "all", "-D", rule, "--format", "json", "src"];
  const { stdout, status } = spawnSync("npx", ["--no-install", ...options], { cwd: root, encoding: "utf8" });
  try {
    const { diagnostics } = JSON.parse(stdout);
    return diagnostics.filter(({ code }) => code.includes("no-unnecessary-type-assertion")).length;
  } catch {
    return `not counted (oxlint ended with ${status})`;
  }
}
