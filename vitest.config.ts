import { defineConfig, type ViteUserConfig } from "vitest/config";
import { builtSources } from "./test/built-sources.ts";
import SlowestFirst from "./test/slowest-first.ts";

const config: ViteUserConfig = defineConfig({
  plugins: [builtSources],
  test: {
    globalSetup: ["./test/built-sources.ts"],
    server: { deps: { external: [/\/dist\//] } },
    include: ["test/**/*.test.ts"],
    setupFiles: ["./test/after-each-file.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: "forks",
    isolate: false, // a process loads a module once, not once a file: that takes a tenth of all processor time
    maxWorkers: 3, // some files wait much: for Slurm, a queue, a browser
    sequence: { sequencer: SlowestFirst },
    reporters: ["default", "./test/closing-line.ts"],
  },
});
export default config;
