/** The list of commands, in the order in which the help shows them; each is loaded when it is asked for. */
import type { Command } from "commander";
import type { CliContext } from "./context.ts";

type Build = (context: CliContext) => Command;

const loaders: Readonly<Record<string, () => Promise<Build>>> = {
  study: async () => (await import("./commands/study.ts")).studyCommand,
  layers: async () => (await import("./commands/layers.ts")).layersCommand,
  data: async () => (await import("./commands/data.ts")).dataCommand,
  ablate: async () => (await import("./commands/ablate.ts")).ablateCommand,
  attributes: async () => (await import("./commands/attributes.ts")).attributesCommand,
  sets: async () => (await import("./commands/sets.ts")).setsCommand,
  rotate: async () => (await import("./commands/rotate.ts")).rotateCommand,
  repair: async () => (await import("./commands/repair.ts")).repairCommand,
  concepts: async () => (await import("./commands/concepts.ts")).conceptsCommand,
  figures: async () => (await import("./commands/figures.ts")).figuresCommand,
  unit: async () => (await import("./commands/unit.ts")).unitCommand,
  view: async () => (await import("./commands/view.ts")).viewCommand,
  compare: async () => (await import("./commands/compare.ts")).compareCommand,
  predict: async () => (await import("./commands/predict.ts")).predictCommand,
  report: async () => (await import("./commands/report.ts")).reportCommand,
  reproduce: async () => (await import("./commands/reproduce.ts")).reproduceCommand,
  export: async () => (await import("./commands/export.ts")).exportCommand,
  train: async () => (await import("./commands/train.ts")).trainCommand,
  plan: async () => (await import("./commands/plan.ts")).planCommand,
  run: async () => (await import("./commands/run.ts")).runCommand,
  merge: async () => (await import("./commands/merge.ts")).mergeCommand,
  worker: async () => (await import("./commands/worker.ts")).workerCommand,
  queue: async () => (await import("./commands/queue.ts")).queueCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
};

/** Commands that read a run's images again. */
const opensImages: ReadonlySet<string> = new Set(["attributes", "sets", "rotate", "repair"]);

/** Commands that a queue can carry out. */
const shared: ReadonlySet<string> = new Set(["ablate", "attributes", "sets", "rotate"]);

/**
 * Builds commands over one context.
 * @param name the only one that is needed; all where there is none of that name.
 */
export async function commands(context: CliContext, name?: string): Promise<Command[]> {
  const wanted = name !== undefined && Object.hasOwn(loaders, name) ? [name] : Object.keys(loaders);
  return await Promise.all(
    wanted.map(async (each) => {
      const command = (await loaders[each]())(context);
      if (shared.has(each)) (await import("./queue-options.ts")).withQueue(command);
      if (!opensImages.has(each)) return command;
      const { withRelocation } = await import("./relocation.ts");
      return withRelocation(command, context);
    }),
  );
}
