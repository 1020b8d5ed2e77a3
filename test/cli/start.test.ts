/** What happens before a command does anything: quick, and clear where there is nothing to run. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../data/temporary-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Packages that a module imports when it is loaded, by itself or by what it imports; types do not count. */
function packagesLoadedBy(path: string, seen: Set<string> = new Set()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(path)) return packages;
  seen.add(path);
  const imports = readFileSync(path, "utf8").matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from\s+"([^"]+)";/gm);
  for (const [, target = ""] of imports) {
    if (target.startsWith("node:")) continue;
    if (!target.startsWith(".")) packages.add(target);
    else for (const each of packagesLoadedBy(join(dirname(path), target), seen)) packages.add(each);
  }
  return packages;
}

test("help and usage errors load no runtime, no decoder and no table reader: commands import these when they run", () => {
  const folder = join(root, "src/cli/commands");
  const modules = [
    join(root, "src/cli/main.ts"),
    join(root, "src/cli/command-line.ts"),
    ...readdirSync(folder).map((name) => join(folder, name)),
  ];
  const packages = new Set(modules.flatMap((module) => [...packagesLoadedBy(module)]));
  expect([...packages].sort()).toEqual(["commander", "fast-string-width"]);
});

test("a mistyped model is answered before anything that reads models is loaded", () => {
  expect([...packagesLoadedBy(join(root, "src/runtime/open-model.ts"))]).toEqual([]);
});

test("a clone that was not built says so in one line", async () => {
  const folder = await temporaryFolder();
  for (const part of ["bin", "package.json"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  const { status, stdout, stderr } = spawnSync("node", ["bin/unitscope.js", "layers"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toBe("unitscope: expected a built clone, got no dist folder; run: npm ci && npm run build\n");
});
