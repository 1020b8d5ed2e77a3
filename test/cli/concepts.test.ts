/** Concepts through the command line, on a network and a set that are solved by hand. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openRun } from "../../src/runs/run-folder.ts";
import { doubles, integers, rowsWhere, texts } from "../../src/tables/table.ts";
import { encodePng } from "../concepts/png.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { handFolder } from "./hand-network.ts";
import { unitscopeHere } from "./run-here.ts";

/**
 * 100 images of 2×2: one with two red pixels, of which a berry covers both and a black one, and 99 black ones. Unit 0
 * responds with red, unit 3 with red minus green, unit 1 with green and unit 2 with blue + 0.5, so of 400 responses
 * two may exceed the threshold: units 0 and 3 have T = 0 and the two red pixels as their region, units 1 and 2 none.
 */
async function berryFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const files = {
    "red.png": encodePng(2, 2, [250, 0, 0, 240, 0, 0, 0, 0, 0, 0, 0, 0], { type: 2 }),
    "dark.png": encodePng(2, 2, new Uint8Array(12), { type: 2 }),
    "berry.png": encodePng(2, 2, [1, 1, 1, 0]),
    "concepts.json": JSON.stringify({
      concepts: [{ number: 5, name: "berry", category: "object" }],
      images: [
        { file: "red.png", regions: [{ concept: 5, mask: "berry.png" }] },
        ...Array.from({ length: 99 }, () => ({ file: "dark.png" })),
      ],
    }),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** What is not asked about here is short. */
const quick = ["--shuffles", "0", "--resamples", "200", "--quiet"];
let set: string;
let run: string;
beforeAll(async () => {
  set = await berryFolder();
  const network = await handFolder();
  run = join(await temporaryFolder(), "run");
  const args = ["ablate", join(network, "network.onnx"), join(network, "images"), "--out", run, "--preprocess", "none"];
  expect((await unitscopeHere([...args, "--quiet"])).code).toBe(0);
});

describe("attributes --concepts", () => {
  test("gives the known concepts, thresholds and counts", async () => {
    const { code, stdout } = await unitscopeHere(["attributes", run, "--concepts", set, "--json", ...quick]);
    expect(code).toBe(0);
    const { concepts } = JSON.parse(stdout) as { concepts: { images: number; layers: { detectors: number }[] } };
    expect(concepts).toMatchObject({ format: "JSON", images: 100, concepts: 12 });
    expect(concepts.layers[0]?.detectors).toBe(2);

    const opened = openRun(run);
    const [step] = opened.manifest().steps;
    expect(step).toMatchObject({ command: "attributes --concepts", options: { shuffles: 499, randomUnits: 256 } });
    const units = await opened.readTable("units");
    expect(texts(units, "concept")).toEqual(["red-c", "", "", "red-c"]);
    expect(texts(units, "concept_category")).toEqual(["color", "", "", "color"]);
    expect([...doubles(units, "concept_iou")]).toEqual([1, 0, 0, 1]);
    expect([...doubles(units, "concept_threshold")]).toEqual([0, 0, 0.5, 0]);
    expect([...integers(units, "detector")]).toEqual([1, 0, 0, 1]);
    expect([...doubles(units, "concept_hit_rate")]).toEqual([1, Number.NaN, Number.NaN, 1]);
    expect([...doubles(units, "concept_false_alarm_rate")]).toEqual([0, Number.NaN, Number.NaN, 0]);
    expect([...doubles(units, "concept_auroc")]).toEqual([1, Number.NaN, Number.NaN, 1]);
    for (const p of doubles(units, "concept_p_value")) expect(Number.isNaN(p) || (p > 0 && p <= 1)).toBe(true);

    const berries = rowsWhere(await opened.readTable("concepts"), "concept", "berry");
    expect([...integers(berries, "unit")]).toEqual([0, 3]);
    expect([...integers(berries, "index")]).toEqual([5, 5]);
    expect([...doubles(berries, "intersection")]).toEqual([2, 2]);
    expect([...doubles(berries, "union")]).toEqual([3, 3]);
    expect([...doubles(berries, "hit_rate")]).toEqual([2 / 3, 2 / 3]);

    const vectors = rowsWhere(await opened.readTable("vectors"), "attribute", "concept_iou");
    expect(vectors.rows).toBe(4 * 12);
    expect([...doubles(rowsWhere(vectors, "name", "berry"), "value")]).toEqual([2 / 3, 0, 0, 2 / 3]);
  });

  test("is the same with receptive fields where these are single pixels, and with more workers", async () => {
    const before = await openRun(run).readTable("concepts");
    const more = ["--upsampling", "receptive-field", "--workers", "3", ...quick];
    expect((await unitscopeHere(["attributes", run, "--concepts", set, ...more])).code).toBe(0);
    expect(await openRun(run).readTable("concepts")).toEqual(before);
  });

  test("names the colours of the run's own images, beside other sets", async () => {
    const args = ["attributes", run, "--concepts", `${set},colors`, "--concept-shuffles", "0", "--json"];
    const { code, stdout } = await unitscopeHere([...args, ...quick]);
    expect(code).toBe(0);
    const { concepts } = JSON.parse(stdout) as { concepts: Record<string, unknown> };
    expect(concepts).toMatchObject({ format: "JSON, colours", images: 109, concepts: 12 });
  });

  test("says which folder is missing", async () => {
    const { code, stderr } = await unitscopeHere([
      "attributes",
      run,
      "--concepts",
      "nowhere",
      "--shuffles",
      "0",
      "--quiet",
    ]);
    expect([code, stderr]).toEqual([2, "nowhere: expected a folder with a segmented image set, got none there\n"]);
  });
});

describe("concepts check", () => {
  test("tells what a set holds", async () => {
    const { code, stdout } = await unitscopeHere(["concepts", "check", set, "--quiet"]);
    expect(code).toBe(0);
    expect(stdout.replaceAll(set, "…")).toBe(
      [
        "…: JSON, images: 100, concepts: 1",
        "label maps: 2×2 (100)",
        "category  concepts  unused  images  in most images",
        "object           1       0       1  berry 1",
        "every image and label map can be read",
        "",
      ].join("\n"),
    );
  });

  test("fails with exit code 1 on a damaged map, and lists it", async () => {
    const broken = await berryFolder();
    await writeFile(join(broken, "berry.png"), encodePng(2, 2, [1, 1, 1, 0]).subarray(0, 50));
    const { code, stdout } = await unitscopeHere(["concepts", "check", broken, "--json", "--quiet"]);
    expect(code).toBe(1);
    const { problems, readable } = JSON.parse(stdout) as { problems: string[]; readable: number };
    expect(readable).toBe(99);
    expect(problems).toEqual([
      expect.stringMatching(/images\.0 \(red\.png\): berry\.png: expected a PNG of labels, got /),
    ]);
  });

  test("refuses a set of no known form", async () => {
    const { code, stderr } = await unitscopeHere(["concepts", "check", await temporaryFolder(), "--quiet"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^[^\n]+: expected a list of label names, got none of labels\.csv, [^\n]+\n$/);
  });
});
