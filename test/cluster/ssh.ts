/** A server of ssh on this machine, with a key and a port of its own, that is as many machines as a client names. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, programPath, until } from "./find-program.ts";

/** A running server. */
export interface SshServer {
  /** The client's command, for `PARALLEL_SSH`. */
  readonly client: string;
  close(): Promise<void>;
}

const programs = ["sshd", "ssh", "ssh-keygen", "parallel"] as const;

/** Why GNU parallel over ssh cannot run here; `undefined` if it can. */
export function whyNoParallel(): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  const lacking = programs.filter((name) => programPath(name) === undefined);
  return lacking.length > 0 ? `no ${lacking.join(", ")}` : undefined;
}

/** Starts a server whose sessions find the programs of a folder first. The client reaches it by any name but `gone`. */
export async function startSsh(folder: string, bin: string): Promise<SshServer> {
  const at = (name: string): string => join(folder, name);
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 }); // its own jail: it does not start without
  for (const key of ["host", "user"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(`${key}.key`)]);
  const port = await freePort();
  const server = {
    ...{ Port: port, ListenAddress: "127.0.0.1", HostKey: at("host.key"), AuthorizedKeysFile: at("user.key.pub") },
    ...{ StrictModes: "no", UsePAM: "no", PermitRootLogin: "prohibit-password", PidFile: "none" },
    SetEnv: `PATH=${bin}:${process.env["PATH"]}`,
  };
  const client = {
    ...{ HostName: "127.0.0.1", Port: port, User: "root", IdentityFile: at("user.key"), IdentitiesOnly: "yes" },
    ...{ StrictHostKeyChecking: "no", UserKnownHostsFile: at("known_hosts"), LogLevel: "ERROR" },
  };
  const lines = (settings: object): string[] => Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(at("sshd_config"), lines(server).join(""));
  writeFileSync(at("ssh_config"), `Host gone\nPort 1\nHost *\n${lines(client).join("")}`);
  const child = spawn(programPath("sshd") ?? "sshd", ["-D", "-e", "-f", at("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said += text.toString();
  });
  try {
    await until(() => said.includes("Server listening") || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(said);
  } catch (cause) {
    child.kill("SIGKILL");
    throw new Error(`sshd did not start: ${said}`, { cause });
  }
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  return { client: `ssh -F ${at("ssh_config")}`, close };
}
