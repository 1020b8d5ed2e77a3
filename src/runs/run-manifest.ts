/** `run.json`: what a run is of, and everything that is needed to repeat it. */
import { cpus, totalmem } from "node:os";
import { UnitscopeError } from "../errors.ts";
import { firstDifference, type Json } from "../files/canonical-json.ts";
import { parseJson } from "../files/parse-json.ts";
import * as z from "../files/zod.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { schemaVersion } from "../tables/schema.ts";

/** One layer that was ablated; height and width are 1 for a dense layer. */
export interface ManifestLayer {
  readonly name: string;
  readonly kind: string;
  readonly tap: string;
  readonly units: number;
  readonly height: number;
  readonly width: number;
  /** Where a sweep ended before all images, or left units out: images that each of its units was measured on at least. */
  readonly images?: number | undefined;
}

/** One command that wrote into the run, with its options as given. */
export interface ManifestStep {
  readonly command: string;
  readonly options: Readonly<Record<string, Json>>;
  /** When it finished, ISO 8601. */
  readonly finished: string;
  /** How long its parts took, in milliseconds; `total` among them. */
  readonly timings: Readonly<Record<string, number>>;
}

/** The content of `run.json`. */
export interface RunManifest {
  readonly schemaVersion: number;
  /** Version of the package that wrote it. */
  readonly unitscope: string;
  /** The command that began the run, and its options. */
  readonly command: string;
  readonly options: Readonly<Record<string, Json>>;
  /** When the run began, ISO 8601. */
  readonly started: string;
  /** When its sweep was complete, ISO 8601; `null` until then. */
  readonly finished: string | null;
  /** The model as it was named, where it was found, and the SHA-256 of its file. */
  readonly model: { readonly name: string; readonly path: string; readonly sha256: string };
  /** The data as it was named, the hash of its ordered images and labels, and how many images there are. */
  readonly data: {
    readonly name: string;
    readonly hash: string;
    readonly images: number;
    /** Where it is, absolute, or its name if it is known by that; the same as `name` in runs of earlier versions. */
    readonly path?: string | undefined;
  };
  readonly classNames: readonly string[];
  readonly preprocessing: Readonly<Record<string, Json>>;
  /** What was decided on opening the model, in sentences; absent if nothing. */
  readonly notes?: readonly string[] | undefined;
  readonly layers: readonly ManifestLayer[];
  readonly ablation: {
    readonly method: string;
    /** Of `resample`: draws, and the seed that they follow from. */
    readonly draws?: number | undefined;
    readonly seed?: number | undefined;
  };
  readonly engine: string;
  readonly seed: number;
  readonly hardware: Hardware;
  /** How long the sweep's parts took, in milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
  /** Later commands on this run, in order. */
  readonly steps: readonly ManifestStep[];
}

/** A layer as the manifest names it. */
export function manifestLayer({ name, kind, tap, units, height, width }: ManifestLayer): ManifestLayer {
  return { name, kind, tap, units, height, width };
}

/** What a run's figures are of: `alexnet.onnx on cifar10:test (10,000 images)`. */
export function sourceOf({ model, data }: Pick<RunManifest, "model" | "data">): string {
  return `${model.name} on ${dataTitle(data.name)} (${withCommas(data.images)} images)`;
}

/** What data are called where others read it: the last part of a path, since the rest says where somebody's files lie. */
export function dataTitle(name: string): string {
  return name.split(/[\\/]/).findLast((part) => part !== "" && part !== ".") ?? name;
}

/** The machine that a run was made on. */
export interface Hardware {
  readonly cpu: string;
  /** Logical cores. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** Operating system and architecture, as Node names them: `linux x64`. */
  readonly platform: string;
  readonly node: string;
}

const json: z.ZodType<Json> = z.json();
const jsonRecord = z.record(z.string(), json);
const count = z.int().nonnegative();
const timings = z.record(z.string(), z.number().nonnegative());
const manifestSchema: z.ZodType<RunManifest> = z.strictObject({
  schemaVersion: z.literal(schemaVersion),
  unitscope: z.string(),
  command: z.string(),
  options: jsonRecord,
  started: z.iso.datetime(),
  finished: z.iso.datetime().nullable(),
  model: z.strictObject({ name: z.string(), path: z.string(), sha256: z.hash("sha256") }),
  data: z.strictObject({ name: z.string(), hash: z.hash("sha256"), images: count, path: z.string().optional() }),
  classNames: z.array(z.string()),
  preprocessing: jsonRecord,
  notes: z.array(z.string()).optional(),
  layers: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      tap: z.string(),
      units: count,
      height: count,
      width: count,
      images: count.optional(),
    }),
  ),
  ablation: z.strictObject({ method: z.string(), draws: z.number().optional(), seed: z.number().optional() }),
  engine: z.string(),
  seed: z.number(),
  hardware: z.strictObject({
    cpu: z.string(),
    cores: count,
    memoryBytes: count,
    platform: z.string(),
    node: z.string(),
  }),
  timings,
  steps: z.array(z.strictObject({ command: z.string(), options: jsonRecord, finished: z.iso.datetime(), timings })),
});

/** This machine, for a manifest. */
export function thisHardware(): Hardware {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/**
 * Reads a manifest.
 * @param place what to call the file in messages.
 * @throws {UnitscopeError} `run` if it is not JSON or not a manifest of this schema version; the message names the field.
 */
export function parseManifest(text: string, place: string): RunManifest {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new UnitscopeError(
      "run",
      `${place}: expected JSON, got ${text.length} characters that are not; bring the file back, or make the run again in another folder`,
      { cause },
    );
  }
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (version !== schemaVersion) {
    throw new UnitscopeError(
      "run",
      `${place}: expected schemaVersion ${schemaVersion}, got ${JSON.stringify(version)}; make the run again with this version`,
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UnitscopeError(
    "run",
    `${place}: ${issue?.path.join(".") ?? ""}: expected a run manifest, got: ${issue?.message}; bring the file back, or make the run again in another folder`,
  );
}

/** A manifest as the text of `run.json`. @throws {UnitscopeError} `internal` if it would not read back. */
export function formatManifest(manifest: RunManifest): string {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  try {
    parseManifest(text, "run.json");
  } catch (cause) {
    throw new UnitscopeError("internal", `internal: ${(cause as Error).message}`, { cause });
  }
  return text;
}

/** What makes two manifests runs of the same thing; layers, engine and hardware may differ, since counts do not. */
export function manifestIdentity(manifest: RunManifest): Json {
  const { model, data, classNames, preprocessing, ablation } = manifest;
  return {
    schemaVersion: manifest.schemaVersion,
    model: { sha256: model.sha256 },
    data: { hash: data.hash, images: data.images },
    classNames,
    preprocessing,
    ablation: JSON.parse(JSON.stringify(ablation)) as Json,
  };
}

/**
 * What differs between the run that a folder holds and the one that is to be written there, as
 * `expected the network …, got …`; `undefined` if nothing does.
 */
export function manifestDifference(held: RunManifest, wanted: RunManifest): string | undefined {
  const ofNetwork = ({ model }: RunManifest): string => `${model.name} (SHA-256 ${model.sha256.slice(0, 12)}…)`;
  const ofImages = ({ data }: RunManifest): string =>
    `${data.images} images of ${data.name} (hash ${data.hash.slice(0, 12)}…)`;
  if (held.schemaVersion === wanted.schemaVersion) {
    if (held.model.sha256 !== wanted.model.sha256) {
      return `expected the network ${ofNetwork(held)}, got ${ofNetwork(wanted)}`;
    }
    if (held.data.hash !== wanted.data.hash) return `expected ${ofImages(held)}, got ${ofImages(wanted)}`;
  }
  return firstDifference(manifestIdentity(held), manifestIdentity(wanted));
}
