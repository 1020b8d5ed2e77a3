/** Options of the commands that open a network and images for the first time: `ablate`, `plan` and `study`. */
import type { Command } from "commander";
import { preprocessingForms } from "../data/preprocessing-presets.ts";
import { wholeNumber } from "./option-parsers.ts";

/** Adds them. */
export function withSource(command: Command): Command {
  return command
    .option("--preprocess <preset>", `${preprocessingForms}; else the model's own`)
    .option("--root <folder>", "folder that a list file's paths start from")
    .option(
      "--classes <list>",
      "the model's classes in the order of its outputs: imagenet, places365, or a file with one a line; else the model's own",
    )
    .option("--skip-unreadable", "decode every image first, leave out those that cannot be, and say which")
    .option("--output <tensor>", "the model's output that holds the classes, where it has several")
    .option(
      "--label <name>",
      "of a network for several labels an image: the one that is measured, as present where its probability is above 0.5; ablate takes several with commas, or all, each in a run in a sub-folder",
    )
    .option("--limit <images>", "the first so many images of every class", wholeNumber);
}
