/** `--queue URL`: the same command, computed by the workers of a queue. */
import { type Command, Option } from "commander";
import { UnitscopeError } from "../errors.ts";
import type { QueueLink } from "../queue/queue-link.ts";
import type { PlanRunResult } from "../shards/plan-run.ts";
import type { SharedResult } from "../shards/shared-work.ts";
import type { CliContext } from "./context.ts";
import { showDataProgress } from "./data-progress.ts";
import { wholeNumber } from "./option-parsers.ts";

/** Values of the options. */
export interface QueueOptions {
  /** `true` where only the environment says which. */
  readonly queue?: string | true | undefined;
  readonly shards?: number | undefined;
}

/** Parts that a plan is cut into for a queue. */
const SHARDS = 64;

/** The option that says which queue. */
export function queueOption(description: string): Option {
  return new Option(
    "--queue [url]",
    `${description}: redis://host:6379/0, or rediss:// with TLS; without a URL that in UNITSCOPE_QUEUE`,
  );
}

/** Adds the options to a command whose work can be shared. */
export function withQueue(command: Command): Command {
  return command
    .addOption(queueOption("let the workers of a queue compute it"))
    .addOption(new Option("--shards <count>", `with --queue: how many parts (${SHARDS})`).argParser(wholeNumber));
}

/** Whether a command is to be carried out on a queue. */
export function isQueued({ queue, shards }: QueueOptions): boolean {
  if (queue === undefined && shards !== undefined) {
    throw new UnitscopeError("usage", `option "shards": expected option "queue" with it, got none`);
  }
  return queue !== undefined;
}

/** Carries out a command on a queue, and shows its results as the command does. */
export async function onQueue(
  context: CliContext,
  { queue, shards = SHARDS, workers }: QueueOptions & { readonly workers?: number | undefined },
  plan: (cut: { shards: number; cost: false }, effects: PlanEffects) => Promise<PlanRunResult>,
  show: (results: readonly SharedResult[]) => void,
): Promise<void> {
  const { shareRun } = await import("../queue/share-run.ts");
  const display = showDataProgress(context);
  const note = (text: string): void => {
    display.finish();
    context.note(text);
  };
  const effects = {
    note,
    fetching: display.progress,
    caution: (text: string) => note(`caution: ${text}`),
    progress: (stage: string, done: number, total: number, atWork: number) =>
      display.progress({ title: stage, done, total, unit: "images", note: `${atWork} at work` }),
    signal: context.signal,
  };
  let path = "";
  const planned = async (): Promise<PlanRunResult> => {
    const result = await plan({ shards, cost: false }, effects);
    path = result.path;
    if (!result.isComplete) note(`queue: ${result.plan.shards} shards of ${path} at ${link.shown}`);
    return result;
  };
  const link = await openLink(context, queue);
  try {
    const results = await shareRun(link, planned, { workers }, effects);
    display.finish();
    if (results) show(results);
    else context.print(context.json ? JSON.stringify({ run: path, state: "merged" }) : `${path} is merged already`);
  } finally {
    display.finish();
    link.close();
  }
}

/** What planning tells. */
export interface PlanEffects {
  readonly fetching: ReturnType<typeof showDataProgress>["progress"];
  readonly caution: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Connects; says when the server is lost and found again, and when a password can be seen. */
export async function openLink(context: CliContext, given: string | true | undefined): Promise<QueueLink> {
  const { holdsPassword, queueAddress } = await import("../queue/queue-address.ts");
  const { openQueue } = await import("../queue/queue-link.ts");
  const url = typeof given === "string" ? given : undefined;
  if (url !== undefined && holdsPassword(url)) {
    process.title = "unitscope"; // overwrites the arguments that the list of processes shows
    context.note(
      "caution: a password on the command line could be seen in the list of processes until now, and stays in the shell's history; put the URL into UNITSCOPE_QUEUE instead",
    );
  }
  const address = queueAddress(url);
  return await openQueue(address, (state) =>
    context.note(
      state === "lost"
        ? `queue ${address.shown}: lost the server; waiting for it`
        : `queue ${address.shown}: the server is back; going on`,
    ),
  );
}
