/** The command line: parses argv, runs one command, turns what it throws into one line and an exit code. */
import { Command, CommanderError } from "commander";
import { UnitscopeError } from "../errors.ts";
import { version } from "../version.ts";
import { commands } from "./commands.ts";
import { flagsFor } from "./option-flags.ts";
import { type GlobalOptions, terminalContext } from "./terminal.ts";

/** Exit codes: 0 done, 1 a check failed, 2 usage or input, 3 a defect of ours, 130 interrupted. */
const exitCodes = { done: 0, failed: 1, refused: 2, defect: 3, interrupted: 130 } as const;

/** Runs the command line and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const globals: GlobalOptions & { debug: boolean } = {
    quiet: argv.includes("--quiet"),
    json: argv.includes("--json"),
    debug: argv.includes("--debug"),
  };
  const context = terminalContext(() => globals);
  const program = new Command("unitscope")
    .description("Find out what each unit of a convolutional image classifier is for, by removing it.")
    .version(version)
    .configureHelp({ showGlobalOptions: true });
  const asked = argv.find((argument) => !argument.startsWith("-"));
  for (const command of await commands(context, asked)) program.addCommand(withGlobals(command));
  silenceCommander(program);
  try {
    context.signal.throwIfAborted();
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    process.exitCode = report(error, { isDebug: globals.debug, isAborted: context.signal.aborted });
  }
}

/** Every command takes these, wherever they stand. */
function withGlobals(command: Command): Command {
  if (command.commands.length === 0) {
    command
      .option("--quiet", "no progress and no messages, only results and errors")
      .option("--json", "results as one JSON value on stdout")
      .option("--debug", "show where an error came from");
  }
  for (const sub of command.commands) withGlobals(sub);
  return command;
}

/** Commander throws instead of exiting, and leaves the printing of errors to `report`. */
function silenceCommander(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const sub of command.commands) silenceCommander(sub);
}

/** How far an interrupted sweep came, and what its tables are of. */
function reachedBy(error: unknown): string {
  const { images, imageCount, kept, partial } = error instanceof UnitscopeError ? error.details : {};
  if (typeof images !== "number" || typeof imageCount !== "number") return "";
  const reached = ` after ${images.toLocaleString("en")} of ${imageCount.toLocaleString("en")} images`;
  if (!Array.isArray(kept) || !Array.isArray(partial) || kept.length === 0)
    return `${reached}, of which the tables are`;
  return partial.length === 0
    ? `${reached}; the tables stay those of all images`
    : `${reached}, of which the tables of ${partial.join(", ")} are`;
}

function report(error: unknown, { isDebug, isAborted }: { isDebug: boolean; isAborted: boolean }): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done; // help and version
    const text = error.code === "commander.help" ? "" : error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
    if (text) process.stderr.write(`${text}; see unitscope --help\n`);
    return exitCodes.refused;
  }
  if (isAborted || (error instanceof UnitscopeError && error.code === "interrupted")) {
    process.stderr.write(`interrupted${reachedBy(error)}: run the same command again to continue where it stopped\n`);
    return exitCodes.interrupted;
  }
  const known = error instanceof UnitscopeError && error.code !== "internal";
  const message = flagsFor(error instanceof Error ? error.message : String(error));
  process.stderr.write(`${known || message.startsWith("internal:") ? message : `internal: ${message}`}\n`);
  if (isDebug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  else if (!known) process.stderr.write("this is a defect of unitscope: please report it with the output of --debug\n");
  if (error instanceof UnitscopeError && error.code === "check") return exitCodes.failed;
  return known ? exitCodes.refused : exitCodes.defect;
}
