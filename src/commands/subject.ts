/**
 * The subject of a run: a model, a labelled image set, and the preprocessing between them, opened and checked against
 * each other, for the first time or again from `run.json`.
 */
import { resolve } from "node:path";
import { isBuiltInList } from "../data/classes/class-list.ts";
import { fitClasses } from "../data/classes/fit-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { absoluteSource, type OpenOptions, openImageSet, requireSource } from "../data/open-image-set.ts";
import { parsePreprocessing, preprocessingFromJson } from "../data/parse-preprocessing.ts";
import { forChannels, noPreprocessing, type Preprocessing } from "../data/preprocessing.ts";
import { preprocessingForms } from "../data/preprocessing-presets.ts";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import { type BlockSource, blockSource } from "../passes/image-block.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Model } from "../runtime/open-model.ts";
import { checkFit } from "./check-fit.ts";
import { chooseLabel, type LabelChoice } from "./one-label.ts";
import { openNetwork } from "./open-network.ts";

/** An opened model with its images. */
export interface Subject {
  readonly model: Model;
  readonly modelPath: string;
  readonly images: ImageSet;
  readonly preprocessing: Preprocessing;
  /** Where the images are, so that they can be opened again from any folder. */
  readonly dataPath: string;
  readonly dataOptions: DataOptions;
}

/** What was given besides the data's name. */
export interface DataOptions {
  readonly root?: string | undefined;
  readonly limit?: number | undefined;
  /** The network's classes in the order of its outputs: a file, or `imagenet`. */
  readonly classes?: string | undefined;
  /** Leave out images that cannot be decoded. */
  readonly skipUnreadable?: boolean | undefined;
  /** The network's output that holds the classes, where it has several. */
  readonly output?: string | undefined;
  /** One of several labels that an image may have: the classes are its absence and its presence. */
  readonly label?: string | undefined;
}

/** Progress of opening a data set that must be fetched first. */
export type FetchProgress = OpenOptions["progress"];

/** What is opened, and how. */
export interface SubjectOptions extends DataOptions {
  /** A preset or a JSON file; without it the model file's own metadata must say. */
  readonly preprocess?: string | undefined;
  /** The images, where they were opened before. */
  readonly set?: ImageSet | undefined;
  /** Told of the model before the images are opened; throws what does not fit. */
  readonly check?: ((model: Model) => void) | undefined;
  readonly progress?: FetchProgress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens model and data and checks that they fit.
 * @throws {UnitscopeError} `model`, `data` or `usage`, naming what does not fit.
 */
export async function openSubject(modelPath: string, data: string, options: SubjectOptions = {}): Promise<Subject> {
  const { root, limit, classes, skipUnreadable, output, label } = options;
  const chosen = label === undefined ? undefined : await chooseLabel(label, { modelPath, classes, limit });
  const { opened, set, preprocessing } = await openParts(modelPath, data, { ...options, pick: chosen?.pick });
  const { model, images } = await underOutputs(set, opened, { modelPath, classes, chosen });
  return fit({
    model,
    modelPath,
    images,
    preprocessing,
    dataPath: absoluteSource(data),
    dataOptions: absoluteOptions({ root, limit, classes, skipUnreadable, output, label }),
  });
}

/**
 * Opens model and data without bringing them together: the images are under classes of their own.
 * @param options.label where there is one, images may have several.
 * @param options.pick finds the label of which alone the model tells.
 * @throws {UnitscopeError} `model`, `data` or `usage` for what cannot be opened.
 */
export async function openParts(
  modelPath: string,
  data: string,
  {
    preprocess,
    root,
    limit,
    skipUnreadable,
    output,
    label,
    pick,
    set,
    check,
    progress,
    signal,
  }: SubjectOptions & { readonly pick?: LabelChoice["pick"] | undefined },
): Promise<{ opened: Model; set: ImageSet; preprocessing: Preprocessing }> {
  if (!set) await requireSource(data);
  const named = preprocess === undefined ? undefined : await parsePreprocessing(preprocess);
  let known = set;
  const imagesWith = async ({ orientation }: Preprocessing): Promise<ImageSet> => {
    const source = { root, ...imagesFor({ label, limit }), skipUnreadable, progress, signal };
    known ??= await openImageSet(data, { ...source, orient: orientation === "apply" });
    return known;
  };
  const images = (): Promise<ImageSet> => imagesWith(named ?? noPreprocessing);
  const opened = await openNetwork(modelPath, { output, label: pick, preprocessing: named, images });
  check?.(opened);
  const given = named ?? ownPreprocessing(opened, modelPath);
  const preprocessing = forChannels(given, opened.input.channels);
  return { opened, set: await imagesWith(preprocessing), preprocessing };
}

function absoluteOptions({ root, limit, classes, skipUnreadable, output, label }: DataOptions): DataOptions {
  return {
    ...(output !== undefined && { output }),
    ...(label !== undefined && { label }),
    ...(skipUnreadable && { skipUnreadable }),
    ...(root !== undefined && { root: resolve(root) }),
    ...(limit !== undefined && { limit }),
    ...(classes !== undefined && { classes: isBuiltInList(classes) ? classes : resolve(classes) }),
  };
}

/**
 * An image set under the network's classes.
 * @throws {UnitscopeError} `data` or `model` if they cannot be matched.
 */
export async function underClasses(
  set: ImageSet,
  { classCount, metadata }: Model,
  { modelPath, classes }: { modelPath: string; classes: string | undefined },
): Promise<ImageSet> {
  const place = `model "${modelPath}"`;
  const images = await fitClasses(set, { place, classCount, metadata }, { given: classes });
  if (images) return images;
  throw new UnitscopeError(
    "model",
    `${place}: expected ${set.classNames.length} logits for the classes of data "${set.name}", or names of its ${classCount} classes to match them by, got none; give option "classes" FILE, one name a line in the order of the logits`,
  );
}

/** How images are opened: a limit is of images of a class, which a label's absence and presence are once it is chosen. */
function imagesFor({ label, limit }: Pick<DataOptions, "label" | "limit">): OpenOptions {
  return label === undefined ? { limit } : { severalLabels: true };
}

/** The images under the network's classes, or under one label's absence and presence, and the network that says so. */
async function underOutputs(
  set: ImageSet,
  model: Model,
  { chosen, ...options }: { modelPath: string; classes: string | undefined; chosen: LabelChoice | undefined },
): Promise<{ model: Model; images: ImageSet }> {
  if (!chosen) return { model, images: await underClasses(set, model, options) };
  const { images, note } = chosen.under(set);
  return { model: { ...model, notes: [...model.notes, note] }, images };
}

/** Where a run's model and images are on this machine, where they are elsewhere than the run says. */
export interface SubjectPlaces {
  readonly model?: string | undefined;
  readonly data?: string | undefined;
  readonly root?: string | undefined;
  readonly classes?: string | undefined;
}

/**
 * Opens the subject of a run again.
 * @param options.places where its files are, if not where the run says.
 * @throws {UnitscopeError} `run` if the model or the data is not what the run was made of.
 */
export async function reopenSubject(
  run: RunFolder,
  {
    places = {},
    progress,
    signal,
  }: { places?: SubjectPlaces | undefined; progress?: FetchProgress; signal?: AbortSignal | undefined } = {},
): Promise<Subject> {
  const manifest = run.manifest();
  const modelPath = places.model ?? manifest.model.path;
  const dataOptions: DataOptions = {
    ...(manifest.options as DataOptions),
    ...(places.root !== undefined && { root: places.root }),
    ...(places.classes !== undefined && { classes: places.classes }),
  };
  const preprocessing = manifest.preprocessing as unknown as Preprocessing;
  const { output, label, limit, classes } = dataOptions;
  const chosen = label === undefined ? undefined : await chooseLabel(label, { modelPath, classes, limit });
  const dataPath = places.data ?? manifest.data.path ?? manifest.data.name;
  const orient = preprocessing.orientation === "apply";
  let known: ImageSet | undefined;
  const openImages = async (): Promise<ImageSet> => {
    const { root, skipUnreadable } = dataOptions;
    const source = { root, ...imagesFor({ label, limit }), orient, skipUnreadable, progress, signal };
    known ??= await openImageSet(dataPath, source).catch((cause: unknown) => {
      if (!(cause instanceof UnitscopeError) || cause.code !== "usage") throw cause;
      throw new UnitscopeError(
        "run",
        `run folder "${run.path}": expected its images at ${dataPath}, got none there; say where they are with option "data" PATH`,
        { cause },
      );
    });
    return known;
  };
  const opened = await openNetwork(modelPath, { output, label: chosen?.pick, preprocessing, images: openImages });
  if (opened.sha256 !== manifest.model.sha256) {
    throw new UnitscopeError(
      "run",
      `run folder "${run.path}": expected the model of the run (SHA-256 ${manifest.model.sha256.slice(0, 12)}…) at ${modelPath}, got ${opened.sha256.slice(0, 12)}…`,
    );
  }
  const set = await openImages();
  const named = { ...set, name: manifest.data.name };
  const { model, images } = await underOutputs(named, opened, { modelPath, classes, chosen });
  if (images.hash !== manifest.data.hash) {
    throw new UnitscopeError(
      "run",
      `run folder "${run.path}": expected the images of the run (hash ${manifest.data.hash.slice(0, 12)}…), got "${images.name}" with ${images.hash.slice(0, 12)}…`,
    );
  }
  return fit({ model, modelPath, images, preprocessing, dataPath, dataOptions });
}

/** The images as a pass reads them. */
export function passImages(
  { images, preprocessing }: Pick<Subject, "images" | "preprocessing">,
  signal?: AbortSignal,
): BlockSource {
  return blockSource(images, preprocessing, signal);
}

/** The preprocessing as JSON, for the manifest. */
export function preprocessingJson(preprocessing: Preprocessing): Record<string, Json> {
  return JSON.parse(JSON.stringify(preprocessing)) as Record<string, Json>;
}

/**
 * The preprocessing that a model file's own metadata states.
 * @throws {UnitscopeError} `usage` if it states none.
 */
export function ownPreprocessing(model: Model, path: string = model.name): Preprocessing {
  const text = model.metadata.get("unitscope.preprocessing");
  if (text !== undefined) return preprocessingFromJson(text, `model "${path}": preprocessing`);
  throw new UnitscopeError(
    "usage",
    `model "${path}": expected its metadata to say how images are preprocessed, got nothing; give option "preprocess" ${preprocessingForms}`,
  );
}

async function fit(parts: Subject): Promise<Subject> {
  const { modelPath } = parts;
  await checkFit(parts, `model "${modelPath}"`);
  return { ...parts, modelPath: resolve(modelPath) };
}
