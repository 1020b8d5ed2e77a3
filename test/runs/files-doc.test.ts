import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatManifest } from "../../src/runs/run-manifest.ts";
import { type TableName, tableSchemas } from "../../src/tables/schema.ts";
import { exampleManifest } from "./example-run.ts";

const path = new URL("../../docs/files.md", import.meta.url);

/** What every field of the manifest means, by its path. */
const fields: Readonly<Record<string, string>> = {
  schemaVersion: "Version of these files; another one is refused.",
  unitscope: "Version of the package that wrote the run.",
  command: "Command that began the run.",
  options: "Its options as given.",
  started: "When it began (ISO 8601, UTC).",
  finished: "When its sweep was complete; null until then.",
  "model.name": "The model as it was named.",
  "model.path": "Where it was found.",
  "model.sha256": "SHA-256 of its file.",
  "data.name": "The data as it was named, with its split.",
  "data.hash": "SHA-256 of the ordered list of images and labels.",
  "data.images": "Number of images.",
  classNames: "Names of the classes, by index.",
  preprocessing: "How pixels become the network's input: the keys of `--preprocess FILE.json`.",
  notes: "What was decided on opening the model, in sentences, such as which output was taken; absent if nothing.",
  layers:
    "The ablated layers: name, kind, tap (the tensor that holds the response), units, height and width; `images` where a sweep ended before all images: how many every unit was measured on at least.",
  "ablation.method":
    "`zero`, `mean`, `weights`, `resample` or `optimal`; of `resample` also `ablation.draws` and `ablation.seed`.",
  engine: "`auto` or `plain`.",
  seed: "Seed of everything random.",
  "hardware.cpu": "Model of the processor.",
  "hardware.cores": "Its logical cores.",
  "hardware.memoryBytes": "Main memory in bytes.",
  "hardware.platform": "Operating system and architecture.",
  "hardware.node": "Version of Node.js.",
  timings: "How long the parts of the sweep took, in milliseconds.",
  steps: "Later commands on the run: command, options, finished, timings.",
};

const nested = ["model", "data", "ablation", "hardware"];

function describeTables(): string {
  return (Object.keys(tableSchemas) as TableName[])
    .map((name) => {
      const { row, columns } = tableSchemas[name];
      const lines = Object.entries(columns).map(
        ([column, [type, presence, meaning]]) =>
          `| \`${column}\` | ${type} | ${presence} | ${meaning.replaceAll("|", "\\|")} |`,
      );
      return [
        `### \`${name}.parquet\``,
        "",
        `One row: ${row}.`,
        "",
        "| column | type | presence | meaning |",
        "|---|---|---|---|",
        ...lines,
      ].join("\n");
    })
    .join("\n\n");
}

function describeManifest(): string {
  return [
    "| field | meaning |",
    "|---|---|",
    ...Object.entries(fields).map(([field, meaning]) => `| \`${field}\` | ${meaning} |`),
  ].join("\n");
}

function fillIn(text: string, section: string, content: string): string {
  return text.replace(
    new RegExp(`(<!-- begin of ${section}:[^\\n]*-->\\n)[\\s\\S]*?(<!-- end of ${section} -->)`),
    (_, begin: string, end: string) => `${begin}\n${content}\n\n${end}`,
  );
}

test("docs/files.md has every column and every field of the manifest (UPDATE_GOLDEN=1 writes it)", () => {
  const text = readFileSync(path, "utf8");
  const expected = fillIn(fillIn(text, "tables", describeTables()), "manifest", describeManifest());
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, expected);
  expect(readFileSync(path, "utf8")).toBe(expected);
  expect(expected).toContain("| `overall_drop` | double | always |");
});

test("the fields are those of a manifest", () => {
  const manifest = JSON.parse(formatManifest({ ...exampleManifest, notes: ["said on opening"] })) as Record<
    string,
    object
  >;
  const paths = Object.entries(manifest).flatMap(([field, value]) =>
    nested.includes(field) ? Object.keys(value).map((inner) => `${field}.${inner}`) : [field],
  );
  expect(Object.keys(fields).sort()).toEqual(paths.sort());
});
