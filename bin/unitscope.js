#!/usr/bin/env node
import { statSync } from "node:fs";

const time = (path) => statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs;

const compiled = time("../dist/cli/main.js");
if (compiled === undefined) {
  process.stderr.write("unitscope: expected a built clone, got no dist folder; run: npm ci && npm run build\n");
  process.exitCode = 2;
} else {
  // The same in few files; in a clone, where these are not older than what they were made of.
  const bundled = time("../dist/bundle/cli/main.js");
  const isFresh = bundled !== undefined && (bundled >= compiled || time("../src") === undefined);
  const folder = isFresh ? "../dist/bundle/cli/" : "../dist/cli/";
  await import(`${folder}interrupt.js`); // before the rest, so that an early Ctrl-C is heard
  const { main } = await import(`${folder}main.js`);
  await main(process.argv.slice(2));
}
