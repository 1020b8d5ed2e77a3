/** The built command line as a child process. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The shim that npm links as `unitscope`. */
export const bin: string = fileURLToPath(new URL("../../bin/unitscope.js", import.meta.url));

/** How a command ended and what it wrote. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The line on stderr that a command begins with where it takes most of a second to open: how fast a machine is, is no result. */
export const slowStart: RegExp = /^[\w-]+: opening what it needs\n/;

/** Runs `unitscope` with arguments; `started` gets the process. Its errors come without the line of a slow start. */
export function unitscope(
  args: readonly string[],
  {
    env = {},
    cwd,
    started,
    command = [process.execPath, bin],
  }: {
    env?: Readonly<Record<string, string>>;
    cwd?: string;
    started?: (child: ChildProcess) => void;
    command?: readonly string[];
  } = {},
): Promise<Finished> {
  const [program = "", ...first] = command;
  const child = spawn(program, [...first, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  });
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("error", reject);
    started?.(child);
    child.on("close", (code) => resolve({ code, stdout, stderr: stderr.replace(slowStart, "") }));
  });
}

/** Runs a command that must succeed, without messages; gives what it printed. */
export async function printed(args: readonly string[], options: Parameters<typeof unitscope>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await unitscope([...args, "--quiet"], options);
  if (code !== 0 || stderr !== "") throw new Error(`unitscope ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}
