/** The library's main call: ablation of a model over an image set, tables in memory, no run folder. */
import type { Reached } from "../ablation/reached.ts";
import { type AblationMethod, runSweep } from "../ablation/sweep.ts";
import { checkFit } from "../commands/check-fit.ts";
import { chooseLayers, type LayerChoice } from "../commands/choose-layers.ts";
import { ownPreprocessing, passImages, underClasses } from "../commands/subject.ts";
import { baselineAccuracy, type SweepTables, sweepTables } from "../commands/sweep-tables.ts";
import type { ImageSet } from "../data/image-set.ts";
import { parsePreprocessing } from "../data/parse-preprocessing.ts";
import { forChannels, type Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { imageSetOptions, modelOptions } from "./open.ts";
import { type OptionNames, requireKnown } from "./option-names.ts";

/** Options of `ablate`; every one has a default. */
export interface AblateOptions extends LayerChoice {
  /** What replaces a unit's response: `zero` (default), its `mean` over images and positions, or what zeroed `weights` leave. */
  readonly method?: AblationMethod | undefined;
  /** Of method `resample`: other images whose responses take the place of an image's own (3). */
  readonly draws?: number | undefined;
  /** `plain` computes the whole network for every unit; the counts are the same. */
  readonly engine?: "auto" | "plain" | undefined;
  /** Also the mean changes of log-probability and margin; `false` leaves them out and may be faster. Default: true. */
  readonly continuous?: boolean | undefined;
  /** Fraction of the (unit, image) pairs to repeat the plain way, in [0, 1]; by default a small sample of every layer. */
  readonly verify?: number | undefined;
  /** A preset's name, a JSON file or the values; by default what the model file itself states. */
  readonly preprocessing?: string | Preprocessing | undefined;
  /** The model's classes in the order of its outputs: `imagenet` or a file; by default the model's own. */
  readonly classes?: string | undefined;
  /** Which pairs `verify` repeats. */
  readonly seed?: number | undefined;
  /** Worker threads; one a core by default. */
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
  /** A unit is left out once its overall and all its class drops are known to plus or minus so many points. */
  readonly until?: number | undefined;
  /** Seconds after which the sweep ends with what it has. */
  readonly budget?: number | undefined;
  /** Told where every prediction has to be made the plain way, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  /** Called now and then with the (unit, image) pairs that are done, and of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Stops the work; the promise then rejects. */
  readonly signal?: AbortSignal | undefined;
}

const optionNames: OptionNames<AblateOptions> = {
  layers: true,
  all: true,
  method: true,
  draws: true,
  engine: true,
  continuous: true,
  verify: true,
  preprocessing: true,
  until: true,
  budget: true,
  classes: true,
  seed: true,
  workers: true,
  provider: true,
  caution: true,
  progress: true,
  signal: true,
};

/** What an ablation found. */
export interface Ablation extends SweepTables {
  /** Fraction of the images that the intact network gets right. */
  readonly accuracy: number;
  /** Pairs that were repeated the plain way, and came out the same. */
  readonly verified: number;
  /** Where `until` or `budget` ended it before all images: images reached, and why. Tables are then of these. */
  readonly reached: Pick<Reached, "images" | "why"> | undefined;
}

/**
 * Removes every unit of some layers in turn and measures what happens to every class.
 *
 * @throws {UnitscopeError} `model`, `data`, `usage` or `layer` if model, images and options do not fit each other,
 * `value` if the network gives logits that are no numbers, `check` if a pair that was repeated the plain way came out
 * otherwise.
 */
export async function ablate(model: Model, set: ImageSet, options: AblateOptions = {}): Promise<Ablation> {
  requireKnown("ablate", options, optionNames, { openImageSet: imageSetOptions, openModel: modelOptions });
  const { layers, all, preprocessing: given, classes, verify, until, budget, signal, ...settings } = options;
  if (verify !== undefined && !(verify >= 0 && verify <= 1)) {
    throw new UnitscopeError("usage", `verify: expected a fraction from 0 to 1, got ${verify}`);
  }
  for (const [name, value] of Object.entries({ until, budget })) {
    if (value === undefined || value > 0) continue;
    throw new UnitscopeError("usage", `${name}: expected a number above 0, got ${value}`);
  }
  const growth =
    until === undefined && budget === undefined
      ? undefined
      : { until: until && until / 100, budget: budget && 1000 * budget };
  const asked =
    given === undefined ? ownPreprocessing(model) : typeof given === "string" ? await parsePreprocessing(given) : given;
  const preprocessing = forChannels(asked, model.input.channels);
  const images = await underClasses(set, model, { modelPath: model.name, classes });
  await checkFit({ model, images, preprocessing }, `model "${model.name}"`);
  const sweep = await runSweep(model, {
    images: passImages({ images, preprocessing }, signal),
    layers: chooseLayers(model, { layers, all, method: settings.method }),
    options: { ...settings, verify, growth, signal },
  });
  const { reached } = sweep;
  if (reached?.interruption) throw reached.interruption;
  const tables = sweepTables(sweep, { model, images });
  return {
    accuracy: baselineAccuracy(tables.baseline),
    ...tables,
    reached: reached && { images: reached.images, why: reached.why },
  };
}
