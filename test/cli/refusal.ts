/** Commands that must be refused in one line. */
import { expect } from "vitest";
import { unitscope } from "./run-cli.ts";
import { unitscopeHere } from "./run-here.ts";

/** The words of an ablation. */
export const ablate = (model: string, data: string, out: string, ...more: string[]): string[] => [
  ...["ablate", model, data, "--out", out, "--preprocess", "none", ...more],
];

/**
 * Runs a command that must be refused; gives its one line. Quiet: how much progress it shows before depends on the time.
 * @param options of a process of its own; the command runs in this one where they are absent.
 */
export async function refusal(args: readonly string[], options?: Parameters<typeof unitscope>[1]): Promise<string> {
  const words = [...args, "--quiet"];
  const { code, stdout, stderr } = await (options ? unitscope(words, options) : unitscopeHere(words));
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(code).toBe(2);
  return stderr.trimEnd();
}
