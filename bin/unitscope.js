#!/usr/bin/env node
import { existsSync } from "node:fs";

const entry = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(entry)) {
  await import(new URL("interrupt.js", entry).href); // before the rest, so that an early Ctrl-C is heard
  const { main } = await import(entry.href);
  await main(process.argv.slice(2));
} else {
  process.stderr.write("unitscope: expected a built clone, got no dist folder; run: npm ci && npm run build\n");
  process.exitCode = 2;
}
