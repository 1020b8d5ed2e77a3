/** Killing a command again and again at random moments, until it was killed often enough. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../src/files/hash.ts";
import type { Random } from "../../src/numeric/random.ts";
import { type Finished, unitscope } from "../cli/run-cli.ts";

/** What is killed, and when. */
export interface Disturbance {
  /** The command, as it continues what is there. */
  readonly command: () => readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly kills: number;
  /** Each is killed sooner than so many milliseconds after it began, if it has not ended by then. */
  readonly most: number;
  readonly random: Pick<Random, "uniform">;
  /** Called when one ended by itself. */
  readonly ended?: ((finished: Finished) => void | Promise<void>) | undefined;
}

/** What happened. */
export interface Disturbed {
  readonly killed: number;
  /** How often it ended by itself, the undisturbed last time included. */
  readonly ended: number;
}

/** Kills with SIGKILL; then lets the command end. @throws {Error} if it ends with an error. */
export async function disturb({ command, cwd, env, kills, most, random, ended }: Disturbance): Promise<Disturbed> {
  const counts = { killed: 0, ended: 0 };
  const run = async (killAfter: number | undefined): Promise<void> => {
    const args = [...command(), "--quiet"];
    const finished = await unitscope(args, {
      ...(env && { env }),
      ...(cwd !== undefined && { cwd }),
      started: (child) => {
        if (killAfter === undefined) return;
        const timer = setTimeout(() => child.kill("SIGKILL"), killAfter);
        child.once("exit", () => clearTimeout(timer));
      },
    });
    if (finished.code === null) counts.killed++;
    else if (finished.code === 0) {
      counts.ended++;
      await ended?.(finished);
    } else throw new Error(`unitscope ${args.join(" ")}: exit code ${finished.code}\n${finished.stderr}`);
  };
  for (let attempt = 0; counts.killed < kills && attempt < 20 * kills; attempt++) await run(random.uniform() * most);
  await run(undefined);
  return counts;
}

/** SHA-256 of a run's tables. */
export function tablesOf(run: string): Record<string, string> {
  const names = readdirSync(run).filter((name) => name.endsWith(".parquet"));
  return Object.fromEntries(names.sort().map((name) => [name, sha256(readFileSync(join(run, name)))]));
}
