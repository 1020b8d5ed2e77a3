/** A disk that is full or read-only is said in one line, and what is there is whole (exit code 2). */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openRun } from "../../src/runs/run-folder.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { handFolder } from "./hand-network.ts";
import { ablate, refusal } from "./refusal.ts";
import { bin } from "./run-cli.ts";
import { printedHere } from "./run-here.ts";

let folder: string;
let images: string;
beforeAll(async () => {
  folder = await handFolder();
  images = join(folder, "images");
});

describe.skipIf(process.platform === "win32")("a disk that is full", () => {
  test("before the run has begun: nothing is left", async () => {
    const out = join(await temporaryFolder(), "run");
    const command = ["bash", "-c", 'ulimit -f 1; exec "$@"', "sh", process.execPath, bin];
    const message = await refusal(ablate(join(folder, "network.onnx"), images, out), { command });
    expect(message).toBe(
      `${join(out, "run.json")}: expected room on the disk, got EFBIG; free some room and run the same command again, or choose another folder`,
    );
    expect(readdirSync(out)).toEqual([]);
  });

  const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
  test.skipIf(!canMount)("while tables are written: what is there is whole, and the run is not finished", async () => {
    const own = await temporaryFolder();
    const out = join(own, "run");
    // A file system of 24 KiB with room for the manifest and some of the tables, copied out before it goes away.
    const script = `mount -t tmpfs -o size=24k none "$0" && shift 0; "$@"; code=$?; cp -r "$0/run" "${own}/left"; exit $code`;
    await mkdir(join(own, "disk"));
    const command = ["unshare", "-rm", "sh", "-c", script, join(own, "disk"), process.execPath, bin];
    const message = await refusal(ablate(join(folder, "network.onnx"), images, join(own, "disk", "run")), { command });
    expect(message).toMatch(
      /: expected room on the disk, got ENOSPC; free some room and run the same command again, or choose another folder$/,
    );
    const left = openRun(join(own, "left"));
    expect(left.manifest().finished).toBeNull();
    for (const name of left.tableNames()) await left.readTable(name);
    expect(readdirSync(left.path).filter((name) => name.startsWith("."))).toEqual([]);
    // With room, the same command on what was left gives what a run without trouble gives.
    await printedHere(ablate(join(folder, "network.onnx"), images, left.path));
    await printedHere(ablate(join(folder, "network.onnx"), images, out));
    for (const name of openRun(out).tableNames()) {
      expect(await readFile(join(left.path, `${name}.parquet`))).toEqual(await readFile(join(out, `${name}.parquet`)));
    }
  });

  test.skipIf(!canMount)("or turns read-only under a run: said in one line, and nothing has changed", async () => {
    const own = await temporaryFolder();
    const disk = join(own, "disk");
    await mkdir(disk);
    const begin = ["node", bin, ...ablate(join(folder, "network.onnx"), images, join(disk, "run")), "--quiet"];
    begin[0] = process.execPath;
    const words = begin.map((word) => `'${word}'`).join(" ");
    const script = `mount -t tmpfs none "$0" && ${words} >/dev/null && cp -r "$0/run" "${own}/before" && mount -o remount,ro "$0" && shift 0; "$@"; code=$?; cp -r "$0/run" "${own}/after"; exit $code`;
    const command = ["unshare", "-rm", "sh", "-c", script, disk, process.execPath, bin];
    const message = await refusal(["attributes", join(disk, "run"), "--shuffles", "0"], { command });
    expect(message).toMatch(/: expected .*, got a read-only file system/);
    const [before, after] = [openRun(join(own, "before")), openRun(join(own, "after"))];
    expect(after.manifest()).toEqual(before.manifest());
    expect(readdirSync(after.path).sort()).toEqual(readdirSync(before.path).sort());
  });
});
