/** One experiment on one run folder, as data that can be recorded, and doing it. */
import { join } from "node:path";
import type { TableName } from "../tables/schema.ts";
import type { AblateRunOptions } from "./ablate-run.ts";
import type { AttributesRunOptions } from "./attributes-run.ts";
import type { DrawnSets } from "./concept-sets.ts";
import type { ConceptsRunOptions } from "./concepts-run.ts";
import type { SetsRunOptions } from "./measure-sets.ts";
import type { RotationRunOptions } from "./rotate-layers.ts";
import type { FetchProgress } from "./subject.ts";

/** An experiment with its options. */
export type Experiment =
  | {
      readonly kind: "ablate";
      readonly model: string;
      readonly data: string;
      readonly options: Omit<AblateRunOptions, "out">;
    }
  | { readonly kind: "concepts"; readonly options: ConceptsRunOptions }
  | { readonly kind: "attributes"; readonly options: AttributesRunOptions }
  | { readonly kind: "sets"; readonly options: SetsRunOptions }
  | { readonly kind: "rotate"; readonly options: RotationRunOptions }
  | { readonly kind: "figures" };

/** How far an experiment is; one with several parts titles each of them. */
export interface ExperimentPart {
  readonly title: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  /** What of the part is being done, where it comes in several. */
  readonly note?: string | undefined;
}

/** What a caller may watch and stop, and what serves several experiments. */
export interface ExperimentEffects {
  readonly progress?: ((part: ExperimentPart) => void) | undefined;
  readonly fetching?: FetchProgress;
  /** Something about model, images and preprocessing that a reader of the results must know; before an ablation. */
  readonly caution?: ((text: string) => void) | undefined;
  /** Rendered concept sets that an earlier experiment drew. */
  readonly drawn?: DrawnSets | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs an experiment; it continues where an earlier call stopped.
 * @param path the run folder.
 * @returns the tables and figures that it made.
 */
export async function performExperiment(
  experiment: Experiment,
  path: string,
  { progress, fetching, caution, drawn, signal }: ExperimentEffects = {},
): Promise<string[]> {
  const counted =
    (unit: string) =>
    (done: number, total: number, note?: string): void =>
      progress?.({ title: "", done, total, unit, note });
  const tables = (...names: TableName[]): string[] => names.map((name) => join(path, `${name}.parquet`));
  switch (experiment.kind) {
    case "ablate": {
      const { runAblate } = await import("./ablate-run.ts");
      const { model, data, options } = experiment;
      const effects = { fetching, signal, caution, progress: counted("pairs") };
      const { figure } = await runAblate(model, data, { ...options, out: path }, effects);
      return [...tables("baseline", "units", "drops", "flips", "layers"), figure];
    }
    case "concepts": {
      const { runConcepts } = await import("./concepts-run.ts");
      await runConcepts(path, experiment.options, { fetching, signal, progress, drawn });
      return tables("concepts", "vectors");
    }
    case "attributes": {
      const { runAttributes } = await import("./attributes-run.ts");
      const { relations } = await runAttributes(path, experiment.options, { fetching, signal, progress });
      return tables("vectors", "images", ...(relations && relations.rows > 0 ? (["relations"] as const) : []));
    }
    case "sets": {
      const { measureSets } = await import("./measure-sets.ts");
      const effects = { fetching, signal, progress: counted("steps") };
      const { run, layers } = await measureSets(path, experiment.options, effects);
      const perClass = run.hasTable("set_classes") ? tables("set_classes") : [];
      return [...tables("sets"), ...perClass, ...layers.map(({ figure }) => figure)];
    }
    case "rotate": {
      const { rotateLayers } = await import("./rotate-layers.ts");
      const effects = { fetching, signal, progress: counted("images") };
      const { figure } = await rotateLayers(path, experiment.options, effects);
      return [...tables("rotation", "directions"), figure];
    }
    case "figures": {
      const { runFigures } = await import("./figures-run.ts");
      return (await runFigures(path, { signal })).map(({ path: file }) => file);
    }
  }
}
