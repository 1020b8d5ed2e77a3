/** `unitscope view` as a process: what it prints, that it serves and opens a browser, and that Ctrl-C ends it. */
import { chmod, mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { viewedFolder } from "../../src/commands/viewed-folder.ts";
import { formatManifest } from "../../src/runs/run-manifest.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { exampleManifest } from "../runs/example-run.ts";
import { type Finished, unitscope } from "./run-cli.ts";
import { unitscopeHere } from "./run-here.ts";

/** Runs `view` until its page has been fetched and `isEnough`, then presses Ctrl-C. */
async function viewed(
  args: readonly string[],
  {
    env = {},
    isEnough = () => Promise.resolve(true),
  }: { env?: Record<string, string>; isEnough?: () => Promise<boolean> } = {},
): Promise<Finished & { readonly page: string }> {
  let page = "";
  const finished = await unitscope(["view", ...args], {
    env,
    started: (child) => {
      child.stdout?.once("data", (chunk: Buffer) => {
        const [url = ""] = /http:[^\s"]+/.exec(chunk.toString()) ?? [];
        void (async () => {
          page = await (await fetch(url)).text();
          while (!(await isEnough())) await new Promise((resolve) => setTimeout(resolve, 20));
          child.kill("SIGINT");
        })();
      });
    },
  });
  return { ...finished, page };
}

async function pageFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "index.html"), "<title>it</title>");
  return folder;
}

describe.skipIf(process.platform === "win32")("unitscope view", () => {
  test("prints where the page is and ends at Ctrl-C as done", async () => {
    const { code, stdout, stderr, page } = await viewed([await pageFolder(), "--no-open"]);
    expect({ code, page }).toEqual({ code: 0, page: "<title>it</title>" });
    expect(stderr).toMatch(/^Ctrl-C ends this$/m);
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\n$/);
  });

  test("--json", async () => {
    const folder = await pageFolder();
    const { stdout } = await viewed([folder, "--no-open", "--json", "--quiet"]);
    expect(JSON.parse(stdout)).toEqual({ url: expect.stringMatching(/^http:/) as string, folder });
  });

  test.skipIf(process.platform !== "linux")("opens the user's browser", async () => {
    const folder = await pageFolder();
    const asked = join(folder, "asked.txt");
    await writeFile(join(folder, "browser"), `#!/bin/sh\necho "$1" > "${asked}"\n`);
    await chmod(join(folder, "browser"), 0o755);
    const read = (): Promise<string> => readFile(asked, "utf8").catch(() => "");
    const env = { BROWSER: join(folder, "browser"), DISPLAY: "", XDG_CURRENT_DESKTOP: "" };
    const { code, stdout } = await viewed([folder], { env, isEnough: async () => (await read()).endsWith("\n") });
    expect({ code, asked: await read() }).toEqual({ code: 0, asked: stdout });
  });

  test("what it does not take", async () => {
    const empty = await temporaryFolder();
    const message = `folder "${empty}": expected a run (run.json) or a page (index.html), got neither\n`;
    expect(await unitscopeHere(["view", empty])).toEqual({ code: 2, stdout: "", stderr: message });
    const port = await unitscopeHere(["view", empty, "--port", "70000"]);
    expect(port.code).toBe(2);
    expect(port.stderr).toMatch(/'--port <port>' argument '70000' is invalid\. expected a whole number/);
  });
});

test("a run's report is written again when it is missing or the run is newer", async () => {
  const run = await temporaryFolder();
  await writeFile(join(run, "run.json"), formatManifest(exampleManifest));
  await utimes(join(run, "run.json"), 1000, 1000);
  const folder = join(run, "report");
  expect(viewedFolder(run)).toEqual({ folder, isOutdated: true });
  await mkdir(folder);
  await writeFile(join(folder, "index.html"), "");
  await utimes(join(folder, "index.html"), 2000, 2000);
  expect(viewedFolder(run)).toEqual({ folder, isOutdated: false });
  await writeFile(join(run, "sets.parquet"), "");
  expect(viewedFolder(run)).toEqual({ folder, isOutdated: true });
  await utimes(join(run, "sets.parquet"), 1500, 1500);
  expect(viewedFolder(run).isOutdated).toBe(false);
  expect(viewedFolder(folder)).toEqual({ folder, isOutdated: false });
});
