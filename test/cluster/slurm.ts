/** Slurm on this machine: munged, slurmctld and slurmd of its own, in a folder and on ports of its own, until it is closed. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, programPath, until } from "./find-program.ts";

/** A small cluster of one node. */
export interface Slurm {
  /** Runs one of Slurm's commands, or a script that does. @returns what it printed. */
  run(program: string, args: readonly string[]): Promise<string>;
  /** Throws an error with what Slurm has to say: its jobs, their output, the daemons' logs. */
  fail(cause: unknown): Promise<never>;
  close(): Promise<void>;
}

const daemons = ["munged", "slurmctld", "slurmd"] as const;

/** Why Slurm cannot run here; `undefined` if it can. */
export function whyNoSlurm(): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  const lacking = [...daemons, "sbatch"].filter((name) => programPath(name) === undefined);
  return lacking.length > 0 ? `no ${lacking.join(", ")}` : undefined;
}

/** Starts a cluster whose jobs find a script as `unitscope`. */
export async function startSlurm(folder: string, unitscope: string): Promise<Slurm> {
  const at = (name: string): string => join(folder, name);
  for (const name of ["bin", "state", "spool", "run"]) mkdirSync(at(name), { recursive: true });
  chmodSync(folder, 0o755);
  writeFileSync(at("bin/unitscope"), unitscope, { mode: 0o755 });
  writeFileSync(at("munge.key"), randomBytes(1024), { mode: 0o400 });
  const socket = at("run/munge.socket");
  const node = hostname().split(".")[0];
  const [controller, worker] = [await freePort(), await freePort()];
  writeFileSync(
    at("slurm.conf"),
    [
      "ClusterName=unitscope",
      `SlurmctldHost=${node}(127.0.0.1)`,
      "SlurmUser=root",
      "SlurmdUser=root",
      `AuthInfo=socket=${socket}`, // a requeued job waits two minutes; with a shorter cred_expire busy machines lose jobs
      `SlurmctldPort=${controller}`,
      `SlurmdPort=${worker}`,
      `StateSaveLocation=${at("state")}`,
      `SlurmdSpoolDir=${at("spool")}`,
      `SlurmctldPidFile=${at("run/slurmctld.pid")}`,
      `SlurmdPidFile=${at("run/slurmd.pid")}`,
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "SelectType=select/cons_tres",
      "SwitchType=switch/none",
      "MpiDefault=none",
      "ReturnToService=2",
      "SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1",
      "SlurmdParameters=config_overrides", // two tasks at a time, whatever the machine has
      `NodeName=${node} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN`,
      "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
      "",
    ].join("\n"),
  );
  const env = { ...process.env, SLURM_CONF: at("slurm.conf"), PATH: `${at("bin")}:${process.env["PATH"]}` };
  const children: ChildProcess[] = [];
  const logs: string[] = [];
  const start = (name: (typeof daemons)[number], args: readonly string[]): void => {
    const child = spawn(programPath(name) ?? name, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => logs.push(`${name}: ${text.toString()}`));
    children.push(child);
  };
  const run = async (program: string, args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(program, [...args], { env, cwd: folder })).stdout;
  const close = async (): Promise<void> => {
    await run("scancel", ["--user=root"]).catch(() => "");
    await until(async () => (await run("squeue", ["-h"])) === "", 10).catch(() => undefined);
    for (const child of children.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(hard);
    }
  };
  const paths = {
    "key-file": "munge.key",
    "pid-file": "run/munge.pid",
    "log-file": "munge.log",
    "seed-file": "munge.seed",
  };
  const files = Object.entries(paths).map(([option, path]) => `--${option}=${at(path)}`);
  start("munged", ["--foreground", "--force", `--socket=${socket}`, ...files]);
  try {
    await until(() => existsSync(socket));
    start("slurmctld", ["-D", "-c"]);
    start("slurmd", ["-D", "-c", "-N", node ?? "localhost"]);
    await until(async () => (await run("sinfo", ["-h", "-o", "%T"]).catch(() => "")).trim() === "idle");
  } catch (cause) {
    await close();
    const munge = existsSync(at("munge.log")) ? readFileSync(at("munge.log"), "utf8") : "";
    throw new Error(`Slurm did not start:\n${munge}${logs.join("")}`, { cause });
  }
  const fail = async (cause: unknown): Promise<never> => {
    const jobs = await run("scontrol", ["show", "job", "--oneliner"]).catch(String);
    const nodes = await run("scontrol", ["show", "node", "--oneliner"]).catch(String);
    const written = readdirSync(folder).filter((name) => /^unitscope-.*\.log$/.test(name));
    const outputs = written.map((name) => `${name}: ${readFileSync(at(name), "utf8")}`);
    throw new Error([String(cause), jobs, nodes, ...outputs, logs.join("")].join("\n"), { cause });
  };
  return { run, fail, close };
}
