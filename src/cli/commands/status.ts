/** `unitscope status RUN`: how far a plan is. */
import { Command } from "commander";
import { withCommas } from "../../numeric/with-commas.ts";
import type { RunStatus } from "../../shards/run-status.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";
import { duration } from "../progress-display.ts";

/** Shards that are named one by one. */
const SHOWN = 20;

/** The command `status`. */
export function statusCommand(context: CliContext): Command {
  return new Command("status")
    .description("what of a plan is done, being worked on and missing, and how long the rest takes")
    .argument("<run>", "run folder with a plan")
    .action(async (path: string) => {
      const { statusOf } = await import("../../shards/run-status.ts");
      const status = statusOf(path);
      if (context.json) context.print(JSON.stringify({ run: path, ...status }));
      else for (const line of describe(path, status)) context.print(line);
    });
}

function describe(
  path: string,
  { plan, passes, isComplete, stage, shards, running, secondsLeft }: RunStatus,
): string[] {
  const what = `${plan.works.map(({ kind }) => kind).join(" and ")} in ${plan.shards} shards, planned ${plan.planned}`;
  if (plan.merged !== null) return [`${what}: merged ${plan.merged}`];
  const rows = passes.map((each) => [
    String(each.stage),
    each.pass,
    `${each.known} of ${each.count}`,
    each.known === 0 ? "-" : `${withCommas(each.done)} of ${withCommas(each.images)}`,
    each.known === 0 ? "-" : `${plan.shards - each.missing.length} of ${plan.shards}`,
  ]);
  const stages = Math.max(1, ...passes.map((each) => each.stage));
  const lines = [
    what,
    ...formatTable([["stage", "pass", "begun", "images done", "shards done"], ...rows], { right: [0, 2, 3, 4] }),
  ];
  if (isComplete) return [...lines, `all is there; write the tables with: unitscope merge ${path}`];
  const of = stages > 1 ? ` with stage ${stage} of ${stages}` : "";
  return [
    ...lines,
    `done${of}: ${named(shards.done)}`,
    `at work: ${named(shards.running)}${running.length > 0 ? ` (${hosts(running)})` : ""}`,
    `missing: ${named(shards.missing)}`,
    secondsLeft === null
      ? "time left: not known before a shard is done"
      : `time left: ${duration(secondsLeft)} with ${Math.max(1, running.length)} at work${stage < stages ? ", for what is known yet" : ""}`,
  ];
}

function named(shards: readonly number[]): string {
  if (shards.length === 0) return "none";
  const listed = shards.slice(0, SHOWN).join(", ");
  return shards.length > SHOWN ? `${shards.length} shards: ${listed}, …` : `${shards.length}: ${listed}`;
}

function hosts(running: RunStatus["running"]): string {
  return [...new Set(running.map(({ host, pid }) => `process ${pid} on ${host}`))].slice(0, SHOWN).join(", ");
}
