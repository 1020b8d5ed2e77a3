/** Looks at a sample of a subject's images with the intact network, to warn before a long run rather than after it. */
import { readRow } from "../ablation/predictions.ts";
import type { DataProgress } from "../data/cache.ts";
import { imageBatches } from "../data/image-batches.ts";
import type { ImageSet } from "../data/image-set.ts";
import { pixelTable } from "../data/preprocess-image.ts";
import { channelCount, type Preprocessing } from "../data/preprocessing.ts";
import { preprocessingPresets } from "../data/preprocessing-presets.ts";
import { selectImages } from "../data/select-images.ts";
import type { Model } from "../runtime/model.ts";
import { floatValue, openSession, type Session } from "../runtime/session.ts";
import { chanceCaution, imageCautions, orderCaution, type Predicted, scaleCaution } from "./cautions.ts";
import type { Subject } from "./subject.ts";

/** The sample: at most so many classes, and so many images of each. */
const CLASSES = 20;
const IMAGES = 10;
/** Other ways of scaling pixels are tried on every so many images of the sample, while all of that takes so long. */
const EVERY = 3;
const PATIENCE_MS = 15_000;
/** Images at a time, for networks that take any number. */
const BATCH = 8;

/** Presets whose scaling is tried, with the given resizing and crop. */
const scales = ["imagenet", "none", "tf", "timm-vit", "caffe"] as const;

/**
 * Cautions about a model, its images and the preprocessing between them, the gravest first; empty if nothing is odd.
 * They are advice: nothing else depends on them.
 *
 * @throws {UnitscopeError} `data` if an image of the sample cannot be decoded, `interrupted` if the signal fires.
 */
export async function examineSubject(
  { model, images, preprocessing }: Pick<Subject, "model" | "images" | "preprocessing">,
  { progress, signal }: { progress?: DataProgress | undefined; signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const cautions = imageCautions(images);
  if (model.head !== "softmax") return cautions; // labels of a head for several are another matter
  const session = await openSession(model.graph, { threads: 2, place: `model "${model.name}"` });
  try {
    const began = performance.now();
    const sample = sampleOf(images);
    const predicted = await predict(session, model, sample, preprocessing, { progress, signal });
    const grave = [chanceCaution(predicted), orderCaution(predicted, images.classNames)];
    const part = selectImages(sample, Array.from({ length: sample.imageCount }, (_, at) => at).filter(isTried));
    const given = { labels: part.labels, predictions: predicted.predictions.filter((_, at) => isTried(at)) };
    const others = new Map<string, Predicted>();
    for (const name of model.metadata.has("unitscope.preprocessing") ? [] : scales) {
      if (performance.now() - began > PATIENCE_MS) break;
      const other = withScale(preprocessing, preprocessingPresets[name]);
      if (!other) continue;
      others.set(`preset "${name}"`, await predict(session, model, part, other, { progress, signal }));
    }
    grave.push(scaleCaution(given, others));
    return [...grave.filter((caution) => caution !== undefined), ...cautions];
  } finally {
    await session.close();
  }
}

function isTried(at: number): boolean {
  return at % EVERY === 0;
}

/** Images of some classes, spread over all that have images. */
function sampleOf(images: ImageSet): ImageSet {
  const ofClass = new Map<number, number[]>();
  for (const [image, label] of images.labels.entries()) {
    const own = ofClass.get(label);
    if (own) own.push(image);
    else ofClass.set(label, [image]);
  }
  const classes = spread(
    [...ofClass.keys()].sort((a, b) => a - b),
    CLASSES,
  );
  return selectImages(
    images,
    classes.flatMap((cls) => spread(ofClass.get(cls) ?? [], IMAGES)),
  );
}

/** At most `count` of some values, evenly spread. */
function spread<T>(values: readonly T[], count: number): T[] {
  const taken = Math.min(count, values.length);
  return Array.from({ length: taken }, (_, at) => values[Math.floor((at * values.length) / taken)]);
}

/** A preset's scaling and order of channels in place of the given; nothing if that is the same or does not fit. */
function withScale(given: Preprocessing, preset: Preprocessing): Preprocessing | undefined {
  if (given.meanImage || channelCount(given) !== channelCount(preset)) return undefined;
  const { range, mean, std, channels } = preset;
  const other = { ...given, range, mean, std, channels };
  const [one, two] = [pixelTable(given), pixelTable(other)];
  return channels === given.channels && one.every((value, at) => value === two[at]) ? undefined : other;
}

async function predict(
  session: Session,
  { input, logits, classCount, batch: fixed }: Model,
  images: ImageSet,
  preprocessing: Preprocessing,
  { progress, signal }: { progress: DataProgress | undefined; signal: AbortSignal | undefined },
): Promise<Predicted> {
  const told = { title: "looking at a sample", total: images.imageCount, unit: "images" };
  const batchSize = fixed ?? BATCH;
  const predictions = new Int32Array(images.imageCount);
  const reading = { prediction: 0, margin: 0, scale: 0 };
  for await (const { start, count, pixels, dims } of imageBatches(images, preprocessing, { batchSize, signal })) {
    const padded = new Float32Array((pixels.length / count) * batchSize);
    padded.set(pixels);
    const whole = fixed === null ? pixels : padded;
    const shape = [fixed ?? count, ...dims.slice(1)];
    const results = await session.run({ [input.name]: floatValue(shape, whole) }, [logits]);
    for (let row = 0; row < count; row++) {
      readRow(results[logits].data as Float32Array, row, { classCount, into: reading });
      predictions[start + row] = reading.prediction;
    }
    progress?.({ ...told, done: start + count });
    await new Promise((resolve) => setTimeout(resolve)); // progress and Ctrl-C have their turn
  }
  return { labels: images.labels, predictions };
}
