/** `unitscope queue`: what is in a queue of shared work, and taking plans out of it. */
import { Command } from "commander";
import type { QueueStatus } from "../../queue/queue-status.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";
import { duration } from "../progress-display.ts";
import { openLink, queueOption } from "../queue-options.ts";

interface Options {
  readonly queue?: string | true;
  readonly all?: boolean;
}

/** The command `queue`, with its subcommands. */
export function queueCommand(context: CliContext): Command {
  const status = new Command("status")
    .description("the plans in a queue with their jobs, the workers, and who declined what")
    .addOption(queueOption("which queue"))
    .action(async ({ queue }: Options) => {
      const { queueStatus } = await import("../../queue/queue-status.ts");
      const { askServer } = await import("../../queue/until-served.ts");
      const link = await openLink(context, queue);
      try {
        const found = await askServer(link, () => queueStatus(link));
        if (context.json) context.print(JSON.stringify({ queue: link.shown, ...found }));
        else for (const line of describe(link.shown, found)) context.print(line);
      } finally {
        link.close();
      }
    });
  const clean = new Command("clean")
    .description("take out the plans that no command follows any more, with their jobs; files stay")
    .addOption(queueOption("which queue"))
    .option("--all", "those that are followed too; whoever follows one puts it in again")
    .action(async ({ queue, all }: Options) => {
      const { cleanQueue } = await import("../../queue/queue-status.ts");
      const { askServer } = await import("../../queue/until-served.ts");
      const link = await openLink(context, queue);
      try {
        const gone = await askServer(link, () => cleanQueue(link, { all: all === true }));
        if (context.json) context.print(JSON.stringify({ queue: link.shown, removed: gone.map(({ card }) => card) }));
        else for (const { card } of gone) context.print(`taken out: ${card.run}`);
        if (!context.json && gone.length === 0) context.print("nothing to take out");
      } finally {
        link.close();
      }
    });
  return new Command("queue").description("look after a queue").addCommand(status).addCommand(clean);
}

function describe(shown: string, { plans, workers }: QueueStatus): string[] {
  const rows = plans.map(({ card, jobs, silentSeconds }) => [
    card.run,
    card.works.join(", "),
    card.unitscope,
    ...[jobs.waiting, jobs.delayed, jobs.active, jobs.completed, jobs.failed].map(String),
    `${duration(silentSeconds)} ago`,
  ]);
  const header = ["run", "what", "version", "waiting", "again", "at work", "done", "failed", "followed"];
  const plan = new Map(plans.map(({ card }) => [card.id, card.run]));
  return [
    plans.length === 0 ? `${shown}: no plan` : `${shown}: ${plans.length === 1 ? "1 plan" : `${plans.length} plans`}`,
    ...(plans.length === 0 ? [] : formatTable([header, ...rows], { right: [3, 4, 5, 6, 7] })),
    ...plans.flatMap(({ card, declines }) =>
      declines.map(({ worker, reason }) => `declined ${card.run}: ${worker}: ${reason}`),
    ),
    workers.length === 0 ? "no worker" : `${workers.length === 1 ? "1 worker" : `${workers.length} workers`}:`,
    ...workers.map((each) => {
      const run = each.plan === null ? undefined : plan.get(each.plan);
      // A plan that is off the board is merged or was taken out: whoever served it looks for another.
      const at = run === undefined ? "waits for a plan" : `serves ${run}`;
      return `  ${each.worker}: unitscope ${each.unitscope}, ${each.concurrency} at a time, ${at}`;
    }),
  ];
}
