/** Runs cases in child processes with limits of time and memory; a child that dies or hangs is the case's outcome. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One damaged file: it follows from the reader and the seed. */
export interface Case {
  readonly reader: string;
  readonly seed: number;
  /** Folder in which it is written. */
  readonly base: string;
}

/** How a case went. */
export interface Outcome {
  readonly kind: "read" | "refused" | "broken";
  /** The refusal, or what broke. */
  readonly message: string;
  readonly elapsedMs: number;
  /** The most memory that the process has held so far. */
  readonly peakBytes: number;
}

/** A case with its outcome. */
export interface Finding extends Outcome, Omit<Case, "base"> {}

/** Processor time, so that a busy machine does not count; and what one that waits for ever is given. */
const CPU_S = 10;
const WAIT_MS = 120_000;
const MEMORY_BYTES = 1 << 30;

/** Carries out cases, `children` at a time. @returns how each went, in any order. */
export async function carryOutAll(
  cases: readonly Omit<Case, "base">[],
  { children = 1, found }: { children?: number; found?: (finding: Finding) => void } = {},
): Promise<Finding[]> {
  const base = mkdtempSync(join(tmpdir(), "unitscope-fuzz-"));
  const left = [...cases].reverse();
  const findings: Finding[] = [];
  const work = async (): Promise<void> => {
    let child: ChildProcess | undefined;
    for (let next = left.pop(); next; next = left.pop()) {
      child ??= await start();
      const outcome = await carryOut(child, { ...next, base });
      const isSpent = outcome.peakBytes > MEMORY_BYTES || child.killed || child.exitCode !== null;
      if (isSpent) {
        child.kill("SIGKILL");
        child = undefined;
      }
      const finding = { ...next, ...outcome };
      findings.push(finding);
      found?.(finding);
    }
    child?.kill("SIGKILL");
  };
  try {
    await Promise.all(Array.from({ length: children }, work));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return findings;
}

async function start(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL("child.ts", import.meta.url)), {
    execArgv: ["--import", "tsx", "--disallow-code-generation-from-strings", "--max-old-space-size=700"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = `${said}${text.toString()}`.slice(-2000);
  });
  const ended = once(child, "exit").then(() => {
    throw new Error(`expected a child that starts, got: ${said}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child, "message"), ended]);
  return child;
}

/** Memory that a process holds, in bytes. */
function memoryOf(pid: number | undefined): number {
  try {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Processor time that a process has used, its threads' included. */
function processorSeconds(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100; // in ticks of 10 ms
  } catch {
    return 0;
  }
}

async function carryOut(child: ChildProcess, given: Case): Promise<Outcome> {
  const began = performance.now();
  const used = processorSeconds(child.pid);
  return await new Promise((resolve) => {
    const end = (outcome: Outcome): void => {
      clearInterval(watching);
      child.off("exit", exited).off("message", answered);
      const isLarge = outcome.peakBytes > MEMORY_BYTES;
      resolve(
        isLarge
          ? { ...outcome, kind: "broken", message: `${megabytes(outcome.peakBytes)} of memory: ${outcome.message}` }
          : outcome,
      );
    };
    const broken = (message: string, peakBytes: number = 0): void => {
      child.kill("SIGKILL");
      end({ kind: "broken", message, elapsedMs: performance.now() - began, peakBytes });
    };
    const answered = (outcome: Outcome): void => end(outcome);
    const exited = (code: number | null, signal: string | null): void => broken(`died: ${signal ?? code}`);
    const watching = setInterval(() => {
      const bytes = memoryOf(child.pid);
      const isOver = processorSeconds(child.pid) - used > CPU_S || performance.now() - began > WAIT_MS;
      if (isOver) broken(`no end within ${CPU_S} s, ${megabytes(bytes)}`);
      else if (bytes > MEMORY_BYTES) broken("memory", bytes);
    }, 100);
    child.on("message", answered).on("exit", exited);
    child.send(given);
  });
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
}
