/** The script of docs/clusters.md with GNU parallel over a real ssh: a shard that is killed is tried again, then the merge. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { bin } from "../cli/run-cli.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { tablesOf } from "../shards/disturb.ts";
import { writeStudy } from "../shards/shared-study.ts";
import { isNeeded } from "./find-program.ts";
import { type SshServer, startSsh, whyNoParallel } from "./ssh.ts";

const script = new URL("../../examples/clusters/gnu-parallel.sh", import.meta.url).pathname;
const why = whyNoParallel();

describe.skipIf(why !== undefined && !isNeeded("parallel"))(
  `GNU parallel over ssh${why === undefined ? "" : ` (left out: ${why})`}`,
  () => {
    let folder: string;
    let ssh: SshServer;
    beforeAll(async () => {
      if (why !== undefined) throw new Error(`expected GNU parallel and sshd for this test, got ${why}`);
      folder = await temporaryFolder();
      const programs = join(folder, "bin");
      mkdirSync(programs);
      writeFileSync(join(programs, "unitscope"), unitscope(folder), { mode: 0o755 });
      ssh = await startSsh(folder, programs);
    });
    afterAll(() => ssh?.close());

    test("six shards on two machines, one killed and a third machine gone, end with the tables of one machine", async () => {
      const { model, data } = await writeStudy(folder, 1300); // six blocks
      const options = { preprocess: "none", workers: 1 } as const;
      const shared = join(folder, "all of us", "a $run");
      await planAblation(model, data, { ...options, out: shared, shards: 6, cost: false });
      const env = {
        ...process.env,
        PARALLEL_SSH: ssh.client,
        PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      };
      const asked = [join("all of us", "a $run"), "one,two,gone"];
      const { stdout } = await promisify(execFile)(script, asked, { env, cwd: folder });
      expect(stdout).toContain(`run: ${shared}`);
      const begun = readFileSync(join(folder, "begun"), "utf8").match(/--shard \d/g) ?? [];
      expect(begun.sort()).toEqual([0, 1, 2, 2, 3, 4, 5].map((shard) => `--shard ${shard}`));
      const alone = await runAblate(model, data, { ...options, out: join(folder, "alone") });
      expect(tablesOf(shared)).toEqual(tablesOf(alone.run.path));
      expect(Object.keys(tablesOf(shared))).toHaveLength(5);
    }, 120_000);
  },
);

/** The program of all machines: it writes down what it is asked for, and the first that gets shard 2 is killed in it. */
function unitscope(folder: string): string {
  return `#!/bin/sh
[ "$1" = run ] && echo "$@" >> '${folder}/begun'
case "$*" in *"--shard 2"*) if mkdir '${folder}/killed' 2>/dev/null; then
  ${process.execPath} ${bin} "$@" &
  while kill -0 $! && ! ls "$2"/shards/000002* >/dev/null 2>&1; do sleep 0.02; done
  kill -KILL $!; wait $!; exit $?
fi ;; esac
exec ${process.execPath} ${bin} "$@"
`;
}
