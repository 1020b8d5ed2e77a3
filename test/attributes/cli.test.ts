/** `unitscope attributes` and `unitscope unit` as a user runs them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { handFolder } from "../cli/hand-network.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";

let run: string;
let folder: string;
beforeAll(async () => {
  folder = await handFolder();
  run = join(folder, "run");
  const [model, images] = [join(folder, "network.onnx"), join(folder, "images")];
  await printedHere(["ablate", model, images, "--out", run, "--preprocess", "none"]);
});

async function refused(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await unitscopeHere(args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  return stderr.trimEnd();
}

describe("unitscope attributes", () => {
  test("prints a line per layer, and JSON on request", async () => {
    const text = await printedHere(["attributes", run, "--shuffles", "9", "--resamples", "200", "--top", "2"]);
    const [header, line, last] = text.trimEnd().split("\n");
    expect(header).toMatch(/^layer +units +silent +selectivity +by chance/);
    expect(line).toMatch(/^mix +4 +0 +0\.\d{3} +0\.\d{3} /);
    expect(last).toMatch(/^run: /);
    const found = JSON.parse(
      await printedHere(["attributes", run, "--shuffles", "9", "--resamples", "200", "--top", "2", "--json"]),
    ) as {
      reused: boolean;
      layers: { layer: string; units: number; selectivity: { median: number; chance: number } }[];
    };
    expect(found.reused).toBe(true);
    expect(found.layers[0]).toMatchObject({ layer: "mix", units: 4 });
    expect(found.layers[0]?.selectivity.median).toBeGreaterThan(0);
  });

  test("refuses what is no run, no layer, no pooling", async () => {
    expect(await refused(["attributes", join(folder, "images")])).toMatch(/expected a folder with run\.json, got none/);
    expect(await refused(["attributes", run, "--layers", "conv9"])).toMatch(/^layer "conv9": expected one of mix, got/);
    expect(await refused(["attributes", run, "--pool", "median"])).toMatch(/--pool.*mean, max/);
  });
});

describe("unitscope unit", () => {
  test("prints the card and writes it as a picture or a page", async () => {
    const svg = join(folder, "card.svg");
    const text = await printedHere(["unit", run, "mix", "1", "--out", svg]);
    expect(text).toMatch(/^mix unit 1 of 4, network\.onnx on /);
    expect(text).toContain("(green)");
    expect(readFileSync(svg, "utf8")).toMatch(/<svg[^]*data:image\/png;base64,/);
    const page = join(folder, "card.html");
    const card = JSON.parse(await printedHere(["unit", run, "mix", "0", "--out", page, "--json"])) as {
      unit: number;
      classes: { name: string; drop: number }[];
      top: { label: string }[];
    };
    expect(readFileSync(page, "utf8")).toMatch(/^<!doctype html>/);
    expect(card.unit).toBe(0);
    expect(card.classes.map(({ name }) => name).sort()).toEqual(["crimson", "green", "navy"]);
    expect(card.top[0]?.label).toBe("crimson");
  });

  test("refuses a unit, a layer or a kind of file that there is not", async () => {
    expect(await refused(["unit", run, "mix", "4"])).toBe('layer "mix": expected unit in 0..3, got 4');
    expect(await refused(["unit", run, "nix", "0"])).toMatch(/^layer "nix": expected one of mix, got/);
    expect(await refused(["unit", run, "mix", "0", "--out", "card.pdf"])).toMatch(
      /ends in \.svg or \.html, got "card\.pdf"/,
    );
  });
});
