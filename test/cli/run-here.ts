/** The command line in the test's own process: for what it says; exit codes and pipes of a real one are in `process.test.ts`. */
import { runCommandLine } from "../../src/cli/command-line.ts";
import type { Finished } from "./run-cli.ts";

/** Runs `unitscope` with arguments here. */
export async function unitscopeHere(args: readonly string[]): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  const write = (take: (text: string) => void): { write(text: string): void } => ({ write: take });
  const code = await runCommandLine(args, {
    stdout: write((text) => {
      stdout += text;
    }),
    stderr: write((text) => {
      stderr += text;
    }),
    signal: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

/** Runs a command here that must succeed, without messages; gives what it printed. */
export async function printedHere(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await unitscopeHere([...args, "--quiet"]);
  if (code !== 0 || stderr !== "") throw new Error(`unitscope ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}
