/** Loaded before anything else in a process that is measured: at SIGUSR2 collects garbage and writes what is held to a file. */
const { writeFileSync, renameSync } = require("node:fs");
const { join } = require("node:path");
const { isMainThread } = require("node:worker_threads");

const folder = process.env["UNITSCOPE_PROBE"];
if (isMainThread && folder !== undefined) {
  process.on("SIGUSR2", () => {
    const before = process.memoryUsage.rss();
    for (let times = 0; times < 2; times++) globalThis.gc();
    const file = join(folder, String(process.pid));
    writeFileSync(`${file}.part`, JSON.stringify({ before, ...process.memoryUsage() }));
    renameSync(`${file}.part`, file);
  });
}
