/** `unitscope plan`: the same commands as on one machine, cut into shards. */
import { Command, Option } from "commander";
import { withCommas } from "../../numeric/with-commas.ts";
import type { PlanRunResult } from "../../shards/plan-run.ts";
import type { SharedWork } from "../../shards/shared-work.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { wholeNumber } from "../option-parsers.ts";
import { ablateCommand, ablateOptions } from "./ablate.ts";
import { attributesCommand, attributesWorks } from "./attributes.ts";
import { rotateCommand } from "./rotate.ts";
import { setsCommand, setsOptions } from "./sets.ts";

/** What planning adds to a command's own options. */
interface PlanOptions {
  readonly shards: number;
  readonly cost: boolean;
}

/** The command `plan`, with a subcommand for every command whose work can be shared; `ablate` where none is named. */
export function planCommand(context: CliContext): Command {
  const plan = new Command("plan").description("cut a command into shards for many machines");
  const onRun = (command: Command, worksOf: (options: never) => SharedWork[]): Command =>
    planned(command).action(async (path: string, { shards, cost, ...options }: PlanOptions) => {
      const { planRun } = await import("../../shards/plan-run.ts");
      const works = worksOf(options as never);
      await show(context, (effects) => planRun(path, works, { shards, cost }, effects));
    });
  const ablate = planned(ablateCommand(context)).action(
    async (model: string, data: string, options: Parameters<typeof ablateOptions>[0] & PlanOptions) => {
      const { planAblation } = await import("../../shards/plan-run.ts");
      const { shards, cost } = options;
      await show(context, (effects) => planAblation(model, data, { ...ablateOptions(options), shards, cost }, effects));
    },
  );
  return plan
    .addCommand(ablate, { isDefault: true })
    .addCommand(onRun(attributesCommand(context), attributesWorks))
    .addCommand(onRun(setsCommand(context), (options) => [{ kind: "sets", options: setsOptions(options) }]))
    .addCommand(onRun(rotateCommand(context), (options) => [{ kind: "rotate", options }]));
}

/** What a plan leaves out: it measures all images, and who carries out a shard says how many threads. */
const leftOut: readonly (string | undefined)[] = ["--until", "--budget", "--workers"];

/** A command with the arguments and options that a plan takes. */
function planned(command: Command): Command {
  const plan = new Command(command.name()).description(`plan shards of: ${command.description()}`);
  for (const argument of command.registeredArguments) plan.addArgument(argument);
  for (const option of command.options) if (!leftOut.includes(option.long)) plan.addOption(option);
  return plan
    .addOption(new Option("--shards <count>", "how many parts").argParser(wholeNumber).makeOptionMandatory())
    .option("--no-cost", "do not measure what it costs");
}

async function show(
  context: CliContext,
  plan: (effects: {
    fetching: ReturnType<typeof showDataProgress>["progress"];
    caution: (text: string) => void;
    signal: AbortSignal;
  }) => Promise<PlanRunResult>,
): Promise<void> {
  const display = showDataProgress(context);
  try {
    const result = await plan({
      fetching: display.progress,
      caution: (text) => {
        display.finish();
        context.note(`caution: ${text}`);
      },
      signal: context.signal,
    });
    display.finish();
    print(context, result);
  } finally {
    display.finish();
  }
}

function print(context: CliContext, { path, plan, opened, passes, costs }: PlanRunResult): void {
  const { model, images } = opened.subject;
  const stages = Math.max(1, ...plan.passes.map(({ stage }) => stage));
  const coreHours = costs.reduce((sum, cost) => sum + cost.coreHours, 0);
  const pairs = opened.layers.reduce((sum, layer) => sum + layer.units, 0) * images.imageCount;
  const isSweep = plan.works.some(({ kind }) => kind === "ablate");
  if (context.json) {
    const { works, shards, passes: counts } = plan;
    context.print(
      JSON.stringify({ run: path, works, shards, stages, passes: counts, pairs: isSweep ? pairs : null, costs }),
    );
    return;
  }
  const count = withCommas(images.imageCount);
  context.print(
    `plan: ${works(plan.works)} of ${model.name} on ${images.name} (${count} images) in ${plan.shards} shards`,
  );
  if (isSweep) context.print(`pairs: ${withCommas(pairs)} (unit, image)`);
  for (const { pass, blockSizes, from, to } of passes) {
    const size = withCommas(Math.max(...blockSizes));
    const blocks = to - from === 1 ? `1 block of ${size} images` : `${to - from} blocks of up to ${size} images`;
    context.print(`${pass}: ${blocks}${to - from < plan.shards ? ", fewer than shards" : ""}`);
  }
  for (const { pass, measured, coreHours: hours } of costs) {
    context.print(`cost of ${pass}: about ${decimal(hours)} core-hours (measured on ${measured} images)`);
  }
  if (costs.length > 0) context.print(`a shard: about ${decimal((60 * coreHours) / plan.shards)} core-minutes of that`);
  const times = stages === 1 ? "" : `, ${stages} times: each time goes one stage on, when all shards have ended`;
  context.print(`run: unitscope run ${path} --shard I, for I from 0 to ${plan.shards - 1}${times}`);
  context.print(`then: unitscope merge ${path}`);
}

function works(list: readonly SharedWork[]): string {
  return list.map(({ kind }) => kind).join(" and ");
}

function decimal(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toPrecision(2);
}
