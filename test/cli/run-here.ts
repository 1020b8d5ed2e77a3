/** The command line in the test's own process: for what it says; exit codes and pipes of a real one are in `process.test.ts`. */
import { runCommandLine } from "../../src/cli/command-line.ts";
import type { Finished } from "./run-cli.ts";

/** Where a command finds itself: what it differs in from the test. */
interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `unitscope` with arguments here. Commands with surroundings of their own go one after another. */
export async function unitscopeHere(args: readonly string[], { cwd, env = {} }: Surroundings = {}): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  const write = (take: (text: string) => void): { write(text: string): void } => ({ write: take });
  const [folder, variables] = [process.cwd(), { ...process.env }];
  if (cwd !== undefined) process.chdir(cwd);
  Object.assign(process.env, env);
  try {
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
  } finally {
    if (cwd !== undefined) process.chdir(folder);
    for (const name of Object.keys(env)) {
      if (variables[name] === undefined) delete process.env[name];
      else process.env[name] = variables[name];
    }
  }
}

/** Runs a command here that must succeed, without messages; gives what it printed. */
export async function printedHere(args: readonly string[], surroundings?: Surroundings): Promise<string> {
  const { code, stdout, stderr } = await unitscopeHere([...args, "--quiet"], surroundings);
  if (code !== 0 || stderr !== "") throw new Error(`unitscope ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}
