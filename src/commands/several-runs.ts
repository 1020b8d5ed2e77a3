/** Runs of several networks side by side: opened together, and refused where they cannot be compared. */
import { basename, resolve } from "node:path";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import type { RunManifest } from "../runs/run-manifest.ts";
import { integers, type Table, texts } from "../tables/table.ts";

/** One of several runs. */
export interface ComparedRun {
  /** The folder as it was given. */
  readonly path: string;
  readonly run: RunFolder;
  readonly manifest: RunManifest;
}

/**
 * Opens runs that are to be compared: at least two, each once, all of the same classes.
 * @throws {UnitscopeError} `usage` or `run` otherwise; the message names the run that differs.
 */
export function openRuns(paths: readonly string[]): ComparedRun[] {
  if (paths.length < 2) throw new UnitscopeError("usage", `runs: expected at least two, got ${paths.length}`);
  const resolved = paths.map((path) => resolve(path));
  const repeated = resolved.findIndex((path, index) => resolved.indexOf(path) < index);
  if (repeated >= 0) throw new UnitscopeError("usage", `runs: expected each run once, got "${paths[repeated]}" twice`);
  const runs = paths.map((path): ComparedRun => {
    const run = openRun(path);
    return { path, run, manifest: run.manifest() };
  });
  const first = runs[0];
  for (const each of runs) {
    const [expected, got] = [first, each].map(({ manifest }) => manifest.classNames) as [string[], string[]];
    const at = expected.length === got.length ? expected.findIndex((name, cls) => name !== got[cls]) : 0;
    if (at < 0) continue;
    const differs =
      expected.length === got.length
        ? `expected the classes of "${first.path}" (class ${at}: ${expected[at]}), got ${got[at]}`
        : `expected the ${expected.length} classes of "${first.path}", got ${got.length}`;
    throw new UnitscopeError("run", `run folder "${each.path}": ${differs}; compare runs of one set of classes`);
  }
  return runs;
}

/**
 * The layers to compare: those asked for, or all that every run has, in the first run's order.
 * @throws {UnitscopeError} `layer` if a run lacks one that was asked for, or no layer is in all of them.
 */
export function commonLayers(runs: readonly ComparedRun[], asked?: readonly string[]): string[] {
  const held = runs.map(({ manifest }) => manifest.layers.map(({ name }) => name));
  for (const layer of asked ?? []) {
    const lacking = held.findIndex((names) => !names.includes(layer));
    if (lacking < 0) continue;
    throw new UnitscopeError(
      "layer",
      `run folder "${runs[lacking]?.path}": expected layer "${layer}", got ${listAllowed(held[lacking])}; ablate it too, or choose another layer`,
    );
  }
  const layers = asked
    ? [...new Set(asked)]
    : (held[0] ?? []).filter((name) => held.every((own) => own.includes(name)));
  if (layers.length > 0) return layers;
  const lists = held.map((names, index) => `${listAllowed(names)} in "${runs[index]?.path}"`).join("; ");
  throw new UnitscopeError("layer", `layers: expected at least one that every run has, got ${lists}`);
}

/** In words, what differs between runs and makes their drops less comparable; empty if nothing does. */
export function cautionsOf(runs: readonly ComparedRun[]): string[] {
  const images = new Map(runs.map(({ manifest }) => [manifest.data.hash, manifest.data]));
  const methods = [...new Set(runs.map(({ manifest }) => manifest.ablation.method))];
  return [
    ...(images.size > 1
      ? [
          `the runs are of different images (${[...images.values()].map(({ name, images: count }) => `${name}, ${withCommas(count)}`).join("; ")}): with fewer images a max class drop has more of chance in it`,
        ]
      : []),
    ...(methods.length > 1 ? [`the runs ablate in different ways (${methods.join(", ")})`] : []),
  ];
}

/** The names in one layer's vectors of an attribute, by index; empty if the table has none of them. */
export function vectorNames(vectors: Table, layer: string, attribute: string): string[] {
  const [layers, attributes] = [texts(vectors, "layer", "vectors"), texts(vectors, "attribute", "vectors")];
  const [index, name] = [integers(vectors, "index", "vectors"), texts(vectors, "name", "vectors")];
  const names: string[] = [];
  for (let row = 0; row < vectors.rows; row++) {
    if (layers[row] === layer && attributes[row] === attribute) names[index[row]] = name[row];
  }
  return names;
}

/**
 * @throws {UnitscopeError} `run` if the concepts of two runs' layer differ; `undefined` names stand for gaps.
 */
export function checkSameConcepts(
  first: { readonly path: string; readonly names: readonly string[] },
  other: { readonly path: string; readonly names: readonly string[] },
): void {
  const place = `run folder "${other.path}": expected the concepts of "${first.path}"`;
  const advice = "; align both with the same concepts: unitscope attributes RUN --concepts builtin";
  if (other.names.length !== first.names.length) {
    throw new UnitscopeError("run", `${place} (${first.names.length}), got ${other.names.length}${advice}`);
  }
  const at = first.names.findIndex((name, index) => name !== other.names[index]);
  if (at >= 0) {
    throw new UnitscopeError("run", `${place} (concept ${at}: ${first.names[at]}), got ${other.names[at]}${advice}`);
  }
}

/**
 * What to call each run: its given label, else its folder's name; the whole path where two folders share a name, so
 * that only runs that were given the same label count as seeds of one variant.
 * @throws {UnitscopeError} `usage` if a label is for no run.
 */
export function labelsOf(paths: readonly string[], given: ReadonlyMap<string, string> = new Map()): string[] {
  const labels = new Map([...given].map(([path, label]) => [resolve(path), label]));
  const resolved = paths.map((path) => resolve(path));
  for (const path of given.keys()) {
    if (resolved.includes(resolve(path))) continue;
    throw new UnitscopeError("usage", `option "name": expected one of the runs ${listAllowed(paths)}, got "${path}"`);
  }
  const folders = resolved.map((path) => basename(path));
  return paths.map((path, index) => {
    const label = labels.get(resolved[index]);
    if (label !== undefined) return label;
    const folder = folders[index];
    const shared = folders.filter((other) => other === folder).length > 1 || [...labels.values()].includes(folder);
    return shared ? path : folder;
  });
}
