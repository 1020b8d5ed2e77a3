/** `unitscope figures RUN`: draws a run's figures again, in our sign or the paper's. */
import { Command, Option } from "commander";
import type { DropSign } from "../../figures/sign.ts";
import { requireRun } from "../../runs/find-run.ts";
import type { CliContext } from "../context.ts";

/** The command `figures`; prints the path of every figure that it wrote. */
export function figuresCommand(context: CliContext): Command {
  return new Command("figures")
    .description("draw figures 1 to 5, 7 and 9 of a run again, as far as its tables go")
    .argument("<run>", "run folder")
    .addOption(
      new Option("--sign <sign>", "damage: positive means damage; paper: accuracy after minus before")
        .choices(["damage", "paper"])
        .default("damage"),
    )
    .action(async (path: string, { sign }: { sign: DropSign }) => {
      requireRun(path);
      const { runFigures } = await import("../../commands/figures-run.ts");
      const figures = await runFigures(path, {
        sign,
        signal: context.signal,
        partial: (layers) => context.note(`left out, as not all images are measured: ${layers.join(", ")}`),
        progress: (drawn) => {
          if (!context.json) context.print(drawn.path);
        },
      });
      if (context.json) context.print(JSON.stringify(figures));
      if (!figures.some(({ figure }) => figure === 5)) {
        context.note(`figures 1 and 5 need attributes; compute them with: unitscope attributes ${path}`);
      }
    });
}
