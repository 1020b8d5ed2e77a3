/** The command line as a process: its streams, Ctrl-C, and its exit code. */
import { exitCodes, runCommandLine } from "./command-line.ts";
import { interruption } from "./interrupt.ts";

/** Runs the command line in this process and sets its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const { stdout, stderr } = process;
  // A reader that has seen enough (`| head`) closes the pipe; that is no error.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  // Nor is it one that nobody reads the messages any more: what is computed is still of use.
  stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  const code = await runCommandLine(argv, { stdout, stderr, signal: interruption, began: 0 });
  if (code !== exitCodes.done) process.exitCode = code;
}
