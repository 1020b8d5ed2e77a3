import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import type { CliContext } from "../../src/cli/context.ts";

const path = new URL("../../docs/commands.md", import.meta.url);
const context: CliContext = {
  print: () => undefined,
  note: () => undefined,
  progress: () => ({ below: () => undefined, update: () => undefined, finish: () => undefined }),
  failed: () => undefined,
  signal: new AbortController().signal,
  json: false,
};

/** One command's section: what it does, its arguments and options as its help has them. */
function describeCommand(command: Command, parent: string): string[] {
  const usage = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? "…" : ""}`;
    return argument.required ? name : `[${name}]`;
  });
  const name = [parent, command.name(), ...usage].join(" ");
  if (command.commands.length > 0) {
    return command.commands.flatMap((sub) => describeCommand(sub, `${parent} ${command.name()}`));
  }
  const rows = command.options
    .filter((option) => !option.hidden)
    .map((option) => {
      const value = option.defaultValue;
      const isPlain = typeof value === "string" || typeof value === "number";
      const choices = option.argChoices
        ? `${option.description} (${option.argChoices.join(", ")})`
        : option.description;
      return [`\`${option.flags}\``, choices, isPlain ? `\`${value}\`` : ""].map((cell) => cell.replaceAll("|", "\\|"));
    });
  const table = ["| option | meaning | default |", "|---|---|---|", ...rows.map((row) => `| ${row.join(" | ")} |`)];
  return [`### \`${name}\``, "", sentence(command.description()), "", ...(rows.length > 0 ? [...table, ""] : [])];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

async function reference(): Promise<string> {
  return (await commands(context))
    .flatMap((command) => describeCommand(command, "unitscope"))
    .join("\n")
    .trimEnd();
}

test("docs/commands.md has every command with every option (UPDATE_GOLDEN=1 writes it)", async () => {
  const text = readFileSync(path, "utf8");
  const between = /(<!-- begin of commands:[^\n]*-->\n)[\s\S]*?(<!-- end of commands -->)/;
  expect(text).toMatch(between);
  const own = await reference();
  const expected = text.replace(between, (_, begin: string, end: string) => `${begin}\n${own}\n\n${end}`);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, expected);
  expect(readFileSync(path, "utf8")).toBe(expected);
  expect(expected).toContain("### `unitscope ablate MODEL DATA`");
});

test("every command that the document shows exists", async () => {
  const known = new Set((await commands(context)).map((command) => command.name()));
  const text = readFileSync(path, "utf8");
  const shown = [...text.matchAll(/^(?:npx )?unitscope ([a-z]+)/gm)].map(([, name = ""]) => name);
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.filter((name) => !known.has(name))).toEqual([]);
});
