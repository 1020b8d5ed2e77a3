/** Options of the commands that carry out a plan: threads, and where model and images are on this machine. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { SubjectPlaces } from "../commands/subject.ts";
import { count } from "./option-parsers.ts";

/** Their values. */
export interface PlaceOptions {
  readonly workers?: number;
  readonly model?: string;
  readonly data?: string;
  readonly root?: string;
}

/** Adds them. */
export function withPlaces(command: Command): Command {
  return command
    .option("--workers <count>", "worker threads; one a core by default", count)
    .option("--model <file>", "where the model is on this machine, if it is elsewhere; its SHA-256 is checked")
    .option("--data <data>", "where the images are on this machine, if they are elsewhere; their hash is checked")
    .option("--root <folder>", "folder that a list file's paths start from on this machine");
}

/** The places that were given. Image sources are loaded here, not with the command line. */
export async function placesOf({ model, data, root }: PlaceOptions): Promise<SubjectPlaces> {
  const { absoluteSource } = await import("../data/open-image-set.ts");
  return {
    model: model === undefined ? undefined : resolve(model),
    data: data === undefined ? undefined : absoluteSource(data),
    root: root === undefined ? undefined : resolve(root),
  };
}
