#!/usr/bin/env node
import { statSync } from "node:fs";

const time = (path) => statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs;

const compiled = time("../dist/cli/main.js");
if (compiled === undefined) {
  process.stderr.write("unitscope: expected a built clone, got no dist folder; run: npm ci && npm run build\n");
  process.exitCode = 2;
} else {
  // The same in few files, where these are not older than what they were made of.
  const folder = (time("../dist/bundle/cli/main.js") ?? -1) < compiled ? "../dist/cli/" : "../dist/bundle/cli/";
  await import(`${folder}interrupt.js`); // before the rest, so that an early Ctrl-C is heard
  const { main } = await import(`${folder}main.js`);
  await main(process.argv.slice(2));
}
