/** The command line on any terminal: parses argv, runs one command, turns what it throws into one line and an exit code. */
import { Command, CommanderError } from "commander";
import { UnitscopeError } from "../errors.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { version } from "../version.ts";
import { commands } from "./commands.ts";
import { flagsFor } from "./option-flags.ts";
import { type GlobalOptions, type Terminal, terminalContext } from "./terminal.ts";

/** Exit codes: 0 done, 1 a check failed, 2 usage or input, 3 a defect of ours, 130 interrupted. */
export const exitCodes = { done: 0, failed: 1, refused: 2, defect: 3, interrupted: 130 } as const;

/** Runs the command line on a terminal. @returns the exit code. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const globals: GlobalOptions & { debug: boolean } = {
    quiet: argv.includes("--quiet"),
    json: argv.includes("--json"),
    debug: argv.includes("--debug"),
  };
  let code: number = exitCodes.done;
  const failed = (): void => {
    code = exitCodes.failed;
  };
  const context = terminalContext(terminal, { options: globals, failed });
  const program = new Command("unitscope")
    .description("Find out what each unit of a convolutional image classifier is for, by removing it.")
    .version(version)
    .configureHelp({ showGlobalOptions: true });
  const asked = argv.find((argument) => !argument.startsWith("-"));
  if (asked !== undefined) context.begin(`${asked}: opening what it needs`);
  for (const command of await commands(context, asked)) program.addCommand(withGlobals(command));
  directCommander(program, terminal);
  try {
    context.signal.throwIfAborted();
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    context.end();
    return report(error, { isDebug: globals.debug, isAborted: context.signal.aborted, stderr: terminal.stderr });
  } finally {
    context.end();
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

/** Commander throws instead of exiting, writes its help where we do, and leaves the printing of errors to `report`. */
function directCommander(command: Command, terminal: Terminal): void {
  const { stdout, stderr } = terminal;
  command.exitOverride().configureOutput({
    outputError: () => {},
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
  });
  for (const sub of command.commands) directCommander(sub, terminal);
}

/** How far an interrupted sweep came, and what its tables are of. */
function reachedBy(error: unknown): string {
  const { images, imageCount, kept, partial } = error instanceof UnitscopeError ? error.details : {};
  if (typeof images !== "number" || typeof imageCount !== "number") return "";
  const reached = ` after ${withCommas(images)} of ${withCommas(imageCount)} images`;
  if (!Array.isArray(kept) || !Array.isArray(partial) || kept.length === 0)
    return `${reached}, of which the tables are`;
  return partial.length === 0
    ? `${reached}; the tables stay those of all images`
    : `${reached}, of which the tables of ${partial.join(", ")} are`;
}

function report(
  error: unknown,
  { isDebug, isAborted, stderr }: { isDebug: boolean; isAborted: boolean; stderr: Terminal["stderr"] },
): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done; // help and version
    const text = error.code === "commander.help" ? "" : error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
    if (text) stderr.write(`${text.replace(/\.$/, "")}; see unitscope --help\n`);
    return exitCodes.refused;
  }
  if (isAborted || (error instanceof UnitscopeError && error.code === "interrupted")) {
    stderr.write(`interrupted${reachedBy(error)}: run the same command again to continue where it stopped\n`);
    return exitCodes.interrupted;
  }
  const known = error instanceof UnitscopeError && error.code !== "internal";
  const message = flagsFor(error instanceof Error ? error.message : String(error));
  stderr.write(`${known || message.startsWith("internal:") ? message : `internal: ${message}`}\n`);
  if (isDebug && error instanceof Error) stderr.write(`${error.stack}\n`);
  else if (!known) stderr.write("this is a defect of unitscope: please report it with the output of --debug\n");
  if (error instanceof UnitscopeError && error.code === "check") return exitCodes.failed;
  return known ? exitCodes.refused : exitCodes.defect;
}
