/** `unitscope repair RUN`: how much of a unit's direct effect the rest of the network makes up for. */
import { Command, Option } from "commander";
import { summariseRepair } from "../../analysis/repair-summary.ts";
import type { LayerRepair, RepairOptions, RepairResult } from "../../commands/measure-repair.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import { requireRun } from "../../runs/find-run.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { formatTable } from "../format-table.ts";
import { count, list } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";

/** Units that are listed for a layer. */
const SHOWN = 8;

/** The command `repair`. */
export function repairCommand(context: CliContext): Command {
  return new Command("repair")
    .description("self-repair: the direct effect of removing a unit on the logits against the total effect")
    .argument("<run>", "run folder")
    .addOption(
      new Option(
        "--layer, --layers <names>",
        "layers, separated by commas; the run's deepest convolution by default",
      ).argParser(list),
    )
    .option("--workers <count>", "worker threads; one a core by default", count)
    .action(async (path: string, options: RepairOptions) => {
      requireRun(path);
      const { measureRepair } = await import("../../commands/measure-repair.ts");
      const display = showDataProgress(context);
      try {
        const result = await measureRepair(path, options, {
          fetching: display.progress,
          progress: (done, total) => display.progress({ title: "measuring", done, total, unit: "images" }),
          signal: context.signal,
        });
        display.finish();
        show(context, result);
      } finally {
        display.finish();
      }
    });
}

function show(context: CliContext, { run, layers, elapsedMs }: RepairResult): void {
  if (context.json) {
    const described = layers.map(({ layer, table }) => ({ layer: layer.name, ...summariseRepair(table) }));
    context.print(JSON.stringify({ run: run.path, layers: described, elapsedMs }));
    return;
  }
  for (const layer of layers) for (const line of describe(layer)) context.print(line);
  context.print(`run: ${run.path} (${duration(elapsedMs / 1000)})`);
}

function describe({ layer, table }: LayerRepair): string[] {
  const { units, meanDirect, meanTotal, effects, repaired, worsened } = summariseRepair(table);
  const rows = units
    .slice(0, SHOWN)
    .map(({ unit, direct, total }) => [String(unit), direct.toFixed(3), total.toFixed(3), (direct - total).toFixed(3)]);
  return [
    `${layer.name}: drop of the lead over the next class, in logits, mean over classes; positive means damage`,
    `  direct ${meanDirect.toFixed(3)}, total ${meanTotal.toFixed(3)} on average over ${units.length} units`,
    `  real at 5 % false discoveries: ${withCommas(repaired)} of ${withCommas(effects)} (unit, class) effects are repaired, ${withCommas(worsened)} made worse`,
    ...formatTable([["unit", "direct", "total", "repaired"], ...rows], { right: [0, 1, 2, 3] }).map(
      (line) => `  ${line}`,
    ),
    "",
  ];
}
