/** Writes a report: the page, its data, its pictures, and the explorer, as one folder that opens from disk. */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
import { againFolder } from "../runs/repeat-commands.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { integers, texts } from "../tables/table.ts";
import { version } from "../version.ts";
import { alikeUnits } from "./alike-units.ts";
import { type Chunk, encodeChunk } from "./chunk.ts";
import { chunkScript, scriptJson } from "./chunk-script.ts";
import { relationRows, rotationData } from "./comparison-data.ts";
import { findingsOf } from "./findings.ts";
import { layerChunk, openLayerSources, vectorsChunk } from "./layer-data.ts";
import { type LiveSubject, liveData } from "./live-data.ts";
import { type LayerData, type PageData, pageVersion, type RunData } from "./page-data.ts";
import { copyFigures } from "./report-figures.ts";
import { describeRun } from "./run-data.ts";
import { setsChunk } from "./sets-data.ts";
import { type Introduction, staticPage } from "./static-page.ts";
import { copyThumbs } from "./thumbs.ts";

/** A run with what else a report may hold of it. */
export interface ReportRun {
  readonly run: RunFolder;
  /** What to call it; unique. */
  readonly label: string;
  /** The network and the images, for removing units in the page. */
  readonly subject: LiveSubject | undefined;
  /** What replaces a layer's removed units, `[units]`, where that is not 0. */
  readonly replacements?: ReadonlyMap<string, Float32Array>;
  /** Pooled responses of a layer, `[units, images]`, where the run still has them. */
  readonly responses?: (layer: string) => Float64Array | undefined;
}

/** What only several runs together have. */
export type Comparison = Pick<PageData, "prediction" | "noPrediction">;

/** What was written. */
export interface WrittenReport {
  readonly path: string;
  /** The file to open. */
  readonly index: string;
  readonly files: number;
  readonly bytes: number;
}

/** The built explorer; beside `src/` and `dist/` alike. */
const explorerFolder = fileURLToPath(new URL("../../dist/web/", import.meta.url));

/**
 * Writes a report over one that is there, or into a new or empty folder; the old one stays until the new one is whole.
 * @throws {UnitscopeError} `run` if the folder holds anything else or a run lacks its tables, `file` if the disk refuses.
 */
export async function writeReport(
  path: string,
  runs: readonly ReportRun[],
  {
    progress,
    comparison = { prediction: null, noPrediction: "" },
    signal,
  }: {
    progress?: (done: number, total: number, what: string) => void;
    comparison?: Comparison;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<WrittenReport> {
  const out = resolve(path);
  checkFolder(out, path);
  const scratch = join(dirname(out), `.${out.split(/[\\/]/).pop()}.${process.pid}.tmp`);
  rmSync(scratch, { recursive: true, force: true });
  const total = runs.reduce((sum, { run }) => sum + run.manifest().layers.length + 2, 1);
  let done = 0;
  const tell = (what: string): void => {
    signal?.throwIfAborted();
    progress?.(done++, total, what);
  };
  const counted = { files: 0, bytes: 0 };
  const write = (file: string, content: string | Uint8Array): void => {
    writeFileAtomic(join(scratch, file), content);
    counted.files++;
    counted.bytes += content.length;
  };
  const chunk = (name: string, content: Chunk): string => {
    write(`data/${name}.js`, chunkScript(name, encodeChunk(content)));
    return name;
  };
  try {
    const introductions: Introduction[] = [];
    for (const [at, each] of runs.entries()) {
      introductions.push(
        await writeRun({ each, id: `run${at}`, again: againFolder(at, runs.length), scratch, chunk, tell }),
      );
    }
    tell("page");
    const runsData = introductions.map(({ run }) => run);
    const page: PageData = { version: pageVersion, unitscope: version, runs: runsData, ...comparison };
    write("data/page.js", `unitscopePage(${scriptJson(page)});\n`);
    write("index.html", staticPage(introductions, version));
    copyExplorer(scratch);
    replaceFolder(scratch, out);
  } catch (cause) {
    rmSync(scratch, { recursive: true, force: true });
    throw cause;
  }
  progress?.(total, total, "done");
  return { path: out, index: join(out, "index.html"), ...counted };
}

async function writeRun({
  each: { run, label, subject, replacements, responses },
  id,
  again,
  scratch,
  chunk,
  tell,
}: {
  each: ReportRun;
  id: string;
  again: string;
  scratch: string;
  chunk: (name: string, content: Chunk) => string;
  tell: (what: string) => void;
}): Promise<Introduction> {
  const manifest = run.manifest();
  const classCount = manifest.classNames.length;
  const sources = await openLayerSources(run);
  const summaries = await run.readTable("layers");
  const summary = (name: string, layer: string): number => {
    const row = texts(summaries, "layer").indexOf(layer);
    return Number(summaries.columns[name]?.[row] ?? 0);
  };
  const relations = run.hasTable("relations") ? await run.readTable("relations") : undefined;
  const layers: LayerData[] = [];
  for (const [at, { name, kind, units, height, width }] of manifest.layers.entries()) {
    tell(name);
    const shared = { layer: name, unitCount: units, classCount };
    const pooled = responses?.(name);
    const alike = pooled && alikeUnits(pooled, units);
    const vectors = await vectorsChunk(sources, shared);
    layers.push({
      name,
      kind,
      units,
      height,
      width,
      chunk: chunk(`${id}-layer${at}`, await layerChunk(sources, { ...shared, alike })),
      vectors: vectors ? chunk(`${id}-vectors${at}`, vectors) : null,
      effects: summary("effects", name),
      significantEffects: summary("significant_effects", name),
      significantUnits: summary("significant_units", name),
      overallDropMean: summary("overall_drop_mean", name),
      maxClassDropMean: summary("max_class_drop_mean", name),
      relations: relations ? relationRows(relations, name) : [],
      thumbs: await copyThumbs(run, name, scratch, `thumbs/${id}/${at}`),
    });
  }
  tell("images");
  const baseline = run.hasTable("baseline") ? await run.readTable("baseline") : undefined;
  const described = await describeRun(run, sources.drops, again);
  const data: RunData = {
    ...described,
    label,
    layers,
    baseline: baseline
      ? chunk(`${id}-images`, {
          header: { names: baseline.columns["name"] ?? [] },
          arrays: {
            label: Uint16Array.from(integers(baseline, "label")),
            prediction: Uint16Array.from(integers(baseline, "prediction")),
            margin: Float32Array.from(baseline.columns["margin"] as Float64Array),
          },
        })
      : null,
    sets: run.hasTable("sets") ? chunk(`${id}-sets`, await setsChunk(run)) : null,
    rotation: run.hasTable("rotation")
      ? chunk(`${id}-rotation`, {
          header: {
            ...rotationData(
              await run.readTable("rotation"),
              manifest.layers.map(({ name }) => name),
            ),
          },
          arrays: {},
        })
      : null,
    figures: await copyFigures(run, scratch, `figures/${id}`),
    live: subject ? await liveData(run, subject, { id, chunk, replacements }) : null,
  };
  tell("findings");
  return { run: data, findings: await findingsOf(run) };
}

function copyExplorer(scratch: string): void {
  if (!existsSync(join(explorerFolder, "app", "app.js"))) {
    throw new UnitscopeError(
      "internal",
      `internal: ${explorerFolder}: expected the built explorer, got none; npm run build makes it`,
    );
  }
  try {
    cpSync(join(explorerFolder, "app"), join(scratch, "explorer"), { recursive: true });
    cpSync(join(explorerFolder, "runtime"), join(scratch, "runtime"), { recursive: true });
  } catch (cause) {
    throw diskError(scratch, cause);
  }
}

function checkFolder(out: string, path: string): void {
  if (!existsSync(out)) return;
  let names: string[];
  try {
    names = readdirSync(out).filter((name) => !name.startsWith("."));
  } catch (cause) {
    throw diskError(out, cause);
  }
  const isReport = existsSync(join(out, "data", "page.js")) && existsSync(join(out, "index.html"));
  if (names.length > 0 && !isReport) {
    throw new UnitscopeError(
      "run",
      `report folder "${path}": expected an empty folder or a report, got ${listAllowed(names)}; choose another folder`,
    );
  }
}

function replaceFolder(scratch: string, out: string): void {
  const old = `${scratch}.old`;
  try {
    mkdirSync(dirname(out), { recursive: true });
    if (existsSync(out)) renameSync(out, old);
    renameSync(scratch, out);
    rmSync(old, { recursive: true, force: true });
  } catch (cause) {
    throw diskError(out, cause);
  }
}
