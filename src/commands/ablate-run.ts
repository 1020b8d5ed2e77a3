/** `unitscope ablate`: sweeps a model's layers over an image set and writes the run. */
import { ablationKey } from "../ablation/ablation-methods.ts";
import type { Leader } from "../ablation/growth.ts";
import type { Reached } from "../ablation/reached.ts";
import { absolutePreprocessing } from "../data/parse-preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import { withCommas } from "../numeric/with-commas.ts";
import type { Layer } from "../onnx/layers.ts";
import { checkWorkers } from "../passes/thread-choice.ts";
import { type RunFolder, startRun } from "../runs/run-folder.ts";
import { holdingRun } from "../runs/run-lock.ts";
import { manifestLayer, type RunManifest, thisHardware } from "../runs/run-manifest.ts";
import type { Model } from "../runtime/model.ts";
import { requireDevice } from "../runtime/require-device.ts";
import { schemaVersion } from "../tables/schema.ts";
import { version } from "../version.ts";
import { chooseLayers } from "./choose-layers.ts";
import type { OpeningEffects } from "./open-run.ts";
import { openSubject, preprocessingJson, type Subject } from "./subject.ts";
import type { SweepLayersOptions } from "./sweep-layers.ts";
import type { AblateRunResult } from "./write-ablation.ts";

/** Options of `unitscope ablate`. */
export interface AblateRunOptions extends SweepLayersOptions {
  /** The run folder. */
  readonly out: string;
  readonly preprocess?: string | undefined;
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
  /** A unit is left out once its overall and all its class drops are known to plus or minus so many points. */
  readonly until?: number | undefined;
  /** Seconds after which the sweep ends with what it has. */
  readonly budget?: number | undefined;
}

/** What a caller may watch and stop. */
export interface RunEffects extends OpeningEffects {
  /** Told before the work begins what looks wrong with model, images or preprocessing; see `examineSubject`. */
  readonly caution?: ((text: string) => void) | undefined;
  /** (unit, image) pairs done, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Told after every block which units have the largest class drop so far, and how many images were measured. */
  readonly leaders?: ((leaders: readonly NamedLeader[], images: number) => void) | undefined;
}

/** A leading unit with the name of its class. */
export interface NamedLeader extends Leader {
  readonly className: string;
}

/**
 * Ablates and writes `run.json`, `units`, `drops`, `flips`, `layers` and `baseline` tables and figure 3. A run of the
 * same thing in the same folder continues; its other layers stay.
 *
 * @throws {UnitscopeError} with what does not fit; nothing is written before device, model, data and folder have been
 *   checked. `check` where a pair that was repeated the plain way came out otherwise: then no table is written.
 */
export async function runAblate(
  modelPath: string,
  data: string,
  options: AblateRunOptions,
  effects: RunEffects = {},
): Promise<AblateRunResult> {
  checkWorkers(options);
  await requireDevice(options.provider);
  return await carryOut(await beginAblation(modelPath, data, options, effects), options, effects);
}

/** The same of what was opened already. @throws {UnitscopeError} as `runAblate`. */
export async function ablateSubject(
  subject: Subject,
  options: AblateRunOptions,
  effects: RunEffects = {},
): Promise<AblateRunResult> {
  return await carryOut(await beginWith(subject, options, effects), options, effects);
}

async function carryOut(
  { subject, manifest }: { subject: Subject; manifest: RunManifest },
  options: AblateRunOptions,
  effects: RunEffects,
): Promise<AblateRunResult> {
  const { until, budget } = options;
  // What does not fit has been answered without these.
  const [{ openPassFolder }, { openedRun }, { sweepLayers }] = await Promise.all([
    import("../passes/pass-runner.ts"),
    import("./open-run.ts"),
    import("./sweep-layers.ts"),
  ]);
  return await holdingRun(options.out, "ablate", async () => {
    const run = startRun(options.out, manifest); // once more: another process may have begun another run meanwhile
    rememberPlaces(run, manifest);
    const opened = openedRun(run, subject, effects);
    const passes = openPassFolder(run.path);
    const growth = {
      until: until === undefined ? undefined : until / 100,
      budget: budget === undefined ? undefined : 1000 * budget,
      leaders:
        effects.leaders &&
        ((leaders: readonly Leader[], images: number) =>
          effects.leaders?.(
            leaders.map((leader) => ({ ...leader, className: subject.images.classNames[leader.cls] })),
            images,
          )),
    };
    const sweeping = sweepLayers(opened, options, { ...effects, runner: passes, growth });
    const [swept, { writeAblation }] = await Promise.all([sweeping, import("./write-ablation.ts")]);
    const result = await writeAblation(opened, swept);
    if (!result.reached) passes.forget();
    if (result.reached?.interruption) throw interruptedAt(result, result.reached);
    return result;
  });
}

/**
 * Opens what is to be ablated, checks that it fits, and starts the run's folder.
 * @throws {UnitscopeError} with what does not fit; nothing is written before all has been checked.
 */
export async function beginAblation(
  modelPath: string,
  data: string,
  options: AblateRunOptions,
  effects: Omit<RunEffects, "progress"> = {},
): Promise<{ subject: Subject; manifest: RunManifest }> {
  checkOptions(options);
  const { preprocess, root, limit, classes, skipUnreadable, output, label } = options;
  const { fetching, signal } = effects;
  const source = { preprocess, root, limit, classes, skipUnreadable, output, label };
  const check = (model: Model): unknown => chooseLayers(model, options); // a mistyped layer is answered before data are read
  const subject = await openSubject(modelPath, data, { ...source, check, progress: fetching, signal });
  return await beginWith(subject, options, effects);
}

/** @throws {UnitscopeError} `usage` for a number that an option cannot be. */
export function checkOptions({ verify = 0, until, budget }: AblateRunOptions): void {
  for (const [name, value] of Object.entries({ until, budget })) {
    if (value === undefined || value > 0) continue;
    throw new UnitscopeError("usage", `option "${name}": expected a number above 0, got ${value}`);
  }
  if (!(verify >= 0 && verify <= 1)) {
    throw new UnitscopeError("usage", `option "verify": expected a fraction from 0 to 1, got ${verify}`);
  }
}

async function beginWith(
  subject: Subject,
  options: AblateRunOptions,
  { fetching, signal, caution: say }: Omit<RunEffects, "progress">,
): Promise<{ subject: Subject; manifest: RunManifest }> {
  const layers = chooseLayers(subject.model, options);
  const manifest = manifestOf(subject, layers, options);
  startRun(options.out, manifest);
  for (const note of subject.model.notes) say?.(note);
  if (say) {
    const { examineSubject } = await import("./examine-subject.ts");
    for (const caution of await examineSubject(subject, { progress: fetching, signal })) say(caution);
  }
  return { subject, manifest };
}

/** A run that goes on from elsewhere finds its model and images there from then on: their bytes are the same. */
function rememberPlaces(run: RunFolder, { model, data, options }: RunManifest): void {
  const known = run.manifest();
  if (known.model.path === model.path && known.data.path === data.path) return;
  const { root: _, ...others } = known.options;
  const { root } = options;
  run.updateManifest({
    model: { ...known.model, path: model.path },
    data: { ...known.data, path: data.path },
    options: root === undefined ? others : { ...others, root },
  });
}

/** Says which tables are of the images that were reached: those of layers that were whole before are not. */
function interruptedAt({ run, layers, kept }: AblateRunResult, reached: Reached): UnitscopeError {
  const { images, imageCount, interruption } = reached;
  const partial = layers.flatMap(({ name }) => (kept.includes(name) ? [] : [name]));
  const whose = kept.length === 0 ? "its tables" : `the tables of ${partial.join(", ")}`;
  const tables = partial.length === 0 ? "; its tables stay those of all images" : `, of which ${whose} are now`;
  return new UnitscopeError(
    "interrupted",
    `run folder "${run.path}": expected to finish, got an interruption after ${withCommas(images)} of ${withCommas(imageCount)} images${tables}`,
    { cause: interruption, details: { images, imageCount, kept, partial } },
  );
}

function manifestOf(subject: Subject, layers: readonly Layer[], options: AblateRunOptions): RunManifest {
  const { model, modelPath, images, preprocessing, dataPath, dataOptions } = subject;
  const preprocess = options.preprocess === undefined ? undefined : absolutePreprocessing(options.preprocess);
  return {
    schemaVersion,
    unitscope: version,
    command: "ablate",
    options: JSON.parse(JSON.stringify({ ...options, preprocess, ...dataOptions })) as Record<string, Json>,
    started: new Date().toISOString(),
    finished: null,
    model: { name: model.name, path: modelPath, sha256: model.sha256 },
    data: { name: images.name, hash: images.hash, images: images.imageCount, path: dataPath },
    classNames: images.classNames,
    preprocessing: preprocessingJson(preprocessing),
    ...(model.notes.length > 0 && { notes: model.notes }),
    layers: layers.map(manifestLayer),
    ablation: ablationKey(options),
    engine: options.engine ?? "auto",
    seed: options.seed ?? 1,
    hardware: thisHardware(),
    timings: {},
    steps: [],
  };
}
