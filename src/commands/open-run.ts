/**
 * Opens what a command on a run works with, once and in one place: the run's folder, the model and images that it was
 * made of (checked against the manifest), its ablation, its layers, and the store of finished pieces of work.
 */
import type { AblationMethod } from "../ablation/sweep.ts";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import type { Layer } from "../onnx/layers.ts";
import { pickLayers } from "../onnx/pick-layers.ts";
import { whyUnread } from "../onnx/response-views.ts";
import type { BlockSource } from "../passes/image-block.ts";
import { openPieceStore, type PieceStore } from "../passes/piece-store.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import { holdingRun } from "../runs/run-lock.ts";
import { schemaVersion } from "../tables/schema.ts";
import { version } from "../version.ts";
import { chooseLayers } from "./choose-layers.ts";
import {
  type FetchProgress,
  passImages,
  preprocessingJson,
  reopenSubject,
  type Subject,
  type SubjectPlaces,
} from "./subject.ts";

/** What a caller of any command on a run may watch and stop. */
export interface OpeningEffects {
  /** Progress of fetching the run's images. */
  readonly fetching?: FetchProgress;
  /** Where the run's model and images are, if not where it says. */
  readonly places?: SubjectPlaces | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A run with everything that work on it needs. */
export interface OpenedRun {
  readonly run: RunFolder;
  readonly subject: Subject;
  /** The subject's images as a pass reads them; stops with the signal. */
  readonly images: BlockSource;
  /** What replaces a unit in this run. */
  readonly method: AblationMethod;
  /** Layers that the run holds. */
  readonly layers: readonly Layer[];
}

/**
 * Opens a run again with its subject.
 * @throws {UnitscopeError} `run` if the folder holds none, or model or data are not what it was made of.
 */
export async function openRunSubject(
  path: string,
  { places, fetching, signal }: OpeningEffects = {},
  { isPartialFine = false }: { isPartialFine?: boolean } = {},
): Promise<OpenedRun> {
  const run = openRun(path, { isPartialFine });
  return openedRun(run, await reopenSubject(run, { places, progress: fetching, signal }), { signal });
}

/** A run with its subject, opened by whoever calls. */
export function openedRun(run: RunFolder, subject: Subject, { signal }: OpeningEffects = {}): OpenedRun {
  const manifest = run.manifest();
  const names = manifest.layers.map(({ name }) => name);
  return {
    run,
    subject,
    images: passImages(subject, signal),
    method: manifest.ablation.method as AblationMethod,
    layers: names.length > 0 ? chooseLayers(subject.model, { layers: names }) : [],
  };
}

/** What is done in a run, and what it has to hold for that. */
export interface RunWork {
  /** For the message that another process gets. */
  readonly command: string;
  /** Names of layers that are wanted, if they are known. */
  readonly layers?: readonly string[] | undefined;
  /** Whether it may start from layers that were measured on some of the images only. */
  readonly isPartialFine?: boolean;
}

/**
 * Opens a run and works in it, alone.
 * @throws {UnitscopeError} `run` as `openRunSubject`, if another process is at work in the folder, and where what is
 *   wanted was not measured on all images.
 */
export async function workOnRun<T>(
  path: string,
  { command, layers, isPartialFine = false }: RunWork,
  effects: OpeningEffects,
  work: (opened: OpenedRun) => Promise<T>,
): Promise<T> {
  const run = openRun(path); // a folder that holds no run is not locked
  if (!isPartialFine) requireWhole(run, layers);
  return await holdingRun(
    path,
    command,
    async () => await work(await openRunSubject(path, effects, { isPartialFine })),
  );
}

/**
 * The run's layers of these names, each once; all of them where none is named.
 * @throws {UnitscopeError} `run` if one was measured on some of the images only.
 */
export function chooseHeldLayers({ run, layers }: OpenedRun, names: readonly string[] | undefined): Layer[] {
  return wholeOnes(run, names && names.length > 0 ? [...new Set(pickLayers(layers, names))] : [...layers]);
}

/** Layers of a run whose responses are read, and those that are left out. */
export interface ReadLayers {
  readonly layers: Layer[];
  readonly leftOut: readonly LeftOutLayer[];
}

/** A layer whose responses cannot be read, and why, as a sentence that names it. */
export interface LeftOutLayer {
  readonly layer: string;
  readonly reason: string;
}

/**
 * As `chooseHeldLayers`, for what reads responses: where none is named, layers without any are left out.
 * @throws {UnitscopeError} `layer` where one of those that are named has no responses, or all layers lack them; `run` as
 *   `chooseHeldLayers`.
 */
export function chooseReadLayers(opened: OpenedRun, names: readonly string[] | undefined): ReadLayers {
  const held = chooseHeldLayers(opened, names);
  const leftOut = held.flatMap((layer) => {
    const reason = whyUnread(layer);
    return reason === undefined ? [] : [{ layer: layer.name, reason }];
  });
  const layers = held.filter(({ name }) => !leftOut.some(({ layer }) => layer === name));
  if (leftOut.length > 0 && ((names && names.length > 0) || layers.length === 0)) {
    throw new UnitscopeError("layer", leftOut[0].reason, { details: { layer: leftOut[0].layer } });
  }
  return { layers, leftOut };
}

/**
 * The model's layers of these names, each once, whether or not the run swept them; where none is named the run's
 * deepest convolution, or its deepest layer where it has none.
 * @throws {UnitscopeError} `run` if one was measured on some of the images only.
 */
export function chooseDeepLayers({ run, subject, layers }: OpenedRun, names: readonly string[] | undefined): Layer[] {
  const { model } = subject;
  if (names && names.length > 0) return wholeOnes(run, [...new Set(pickLayers(model.layers, names))]);
  const held = model.layers.filter((layer) => layers.includes(layer));
  const chosen = held.findLast(({ kind }) => kind === "convolution") ?? held.at(-1);
  if (chosen) return wholeOnes(run, [chosen]);
  throw new UnitscopeError(
    "run",
    `run folder "${run.path}": expected a swept layer, got none; finish: unitscope ablate`,
  );
}

/**
 * Checks that layers were measured on all images; where none is named, that some were: which are wanted is then known
 * when the model is.
 * @throws {UnitscopeError} `run` otherwise.
 */
export function requireWhole(run: RunFolder, names: readonly string[] | undefined): void {
  if (names && names.length > 0) run.requireWhole(names);
  else if (run.wholeLayers().length === 0) run.requireWhole();
}

function wholeOnes(run: RunFolder, layers: Layer[]): Layer[] {
  run.requireWhole(layers.map(({ name }) => name));
  return layers;
}

/**
 * Opens the store of finished pieces of one kind of work on a run.
 * @param work everything that a piece depends on besides the versions, the model, the images and their preprocessing.
 */
export function openPieces(
  { run, subject }: Pick<OpenedRun, "run" | "subject">,
  work: Record<string, Json>,
): PieceStore {
  const { model, images, preprocessing } = subject;
  return openPieceStore(run.path, {
    schemaVersion,
    unitscope: version,
    model: model.sha256,
    data: images.hash,
    preprocessing: preprocessingJson(preprocessing),
    ...work,
  });
}
