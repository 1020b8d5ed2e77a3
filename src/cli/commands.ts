/** The list of commands, in the order in which the help shows them. */
import type { Command } from "commander";
import { ablateCommand } from "./commands/ablate.ts";
import { attributesCommand } from "./commands/attributes.ts";
import { compareCommand } from "./commands/compare.ts";
import { conceptsCommand } from "./commands/concepts.ts";
import { dataCommand } from "./commands/data.ts";
import { exportCommand } from "./commands/export.ts";
import { figuresCommand } from "./commands/figures.ts";
import { layersCommand } from "./commands/layers.ts";
import { mergeCommand } from "./commands/merge.ts";
import { planCommand } from "./commands/plan.ts";
import { predictCommand } from "./commands/predict.ts";
import { reportCommand } from "./commands/report.ts";
import { reproduceCommand } from "./commands/reproduce.ts";
import { rotateCommand } from "./commands/rotate.ts";
import { runCommand } from "./commands/run.ts";
import { setsCommand } from "./commands/sets.ts";
import { statusCommand } from "./commands/status.ts";
import { studyCommand } from "./commands/study.ts";
import { trainCommand } from "./commands/train.ts";
import { unitCommand } from "./commands/unit.ts";
import { viewCommand } from "./commands/view.ts";
import type { CliContext } from "./context.ts";
import { withRelocation } from "./relocation.ts";

/** Commands that read a run's images again. */
const opensImages: ReadonlySet<string> = new Set(["attributes", "sets", "rotate"]);

/** Builds every command over one context. */
export function commands(context: CliContext): Command[] {
  return [
    studyCommand,
    layersCommand,
    dataCommand,
    ablateCommand,
    attributesCommand,
    setsCommand,
    rotateCommand,
    conceptsCommand,
    figuresCommand,
    unitCommand,
    viewCommand,
    compareCommand,
    predictCommand,
    reportCommand,
    reproduceCommand,
    exportCommand,
    trainCommand,
    planCommand,
    runCommand,
    mergeCommand,
    statusCommand,
  ]
    .map((build) => build(context))
    .map((command) => (opensImages.has(command.name()) ? withRelocation(command, context) : command));
}
