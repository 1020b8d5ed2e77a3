/** `unitscope attributes RUN`: what every unit of a run is, in numbers and pictures. */
import { Command, Option } from "commander";
import type { AttributesRunOptions, AttributesRunResult } from "../../commands/attributes-run.ts";
import type { ConceptsRunOptions, ConceptsRunResult } from "../../commands/concepts-run.ts";
import { requireRun } from "../../runs/find-run.ts";
import type { SharedResult, SharedWork } from "../../shards/shared-work.ts";
import { type Column, doubles, integers, rowsWhere, type Table } from "../../tables/table.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { conceptsJson, describeConcepts } from "../describe-concepts.ts";
import { formatTable } from "../format-table.ts";
import { count, list, wholeNumber } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";
import { providerOption } from "../provider-option.ts";
import { isQueued, onQueue, type QueueOptions } from "../queue-options.ts";

type Options = Omit<AttributesRunOptions, "topImages"> & {
  layers?: string[];
  top?: number;
  concepts?: string[];
  conceptSplit: NonNullable<ConceptsRunOptions["split"]>;
  conceptShuffles?: number;
  upsampling: NonNullable<ConceptsRunOptions["upsampling"]>;
};

/** The options of the command line as attributes and, where they were asked for, concepts take them. */
export function attributesOptions({ top, concepts, conceptSplit, conceptShuffles, upsampling, ...options }: Options): {
  attributes: AttributesRunOptions;
  concepts: ConceptsRunOptions | undefined;
} {
  const { layers, seed, workers, provider } = options;
  return {
    attributes: { ...options, topImages: top },
    concepts: concepts && {
      concepts,
      split: conceptSplit,
      shuffles: conceptShuffles,
      upsampling,
      layers,
      seed,
      workers,
      provider,
    },
  };
}

/** The command `attributes`. */
export function attributesCommand(context: CliContext): Command {
  return new Command("attributes")
    .description("describe every unit of a run: attributes with their nulls, strongest and most hurt images")
    .argument("<run>", "run folder")
    .addOption(new Option("--pool <pooling>", "a response over its positions").choices(["mean", "max"]).default("mean"))
    .addOption(new Option("--layer, --layers <names>", "layers, separated by commas; all by default").argParser(list))
    .option("--shuffles <count>", "shuffles of labels behind every null; 0 for none (200)", wholeNumber)
    .option("--top <images>", "strongest and most hurt images per unit (9)", wholeNumber)
    .option(
      "--resamples <count>",
      "resamples and shuffles of units behind the intervals and p-values of relations (2000)",
      wholeNumber,
    )
    .option("--seed <seed>", "seed of the shuffles", wholeNumber)
    .addOption(
      new Option(
        "--concepts <sets>",
        "also name what each unit responds to: folders with segmented images, builtin (rendered; builtin:N for N images) or colors (of the run's images), separated by commas",
      ).argParser(list),
    )
    .addOption(
      new Option("--concept-split <split>", "part of those sets").choices(["train", "val", "all"]).default("all"),
    )
    .option(
      "--concept-shuffles <count>",
      "shuffled masks behind a concept's p-value, at most; 0 for none (499)",
      wholeNumber,
    )
    .addOption(
      new Option("--upsampling <how>", "how responses are laid over label maps")
        .choices(["half-pixel", "receptive-field"])
        .default("half-pixel"),
    )
    .option("--workers <count>", "worker threads; one a core by default", count)
    .addOption(providerOption())
    .action(async (path: string, { queue, shards, ...given }: Options & QueueOptions) => {
      requireRun(path);
      if (isQueued({ queue, shards })) {
        const { workers, ...shared } = given;
        const { planRun } = await import("../../shards/plan-run.ts");
        await onQueue(
          context,
          { queue, shards, workers },
          (cut, effects) => planRun(path, attributesWorks(shared), cut, effects),
          (results) => showAttributesWorks(context, results),
        );
        return;
      }
      const { attributes, concepts } = attributesOptions(given);
      const { runAttributes } = await import("../../commands/attributes-run.ts");
      const { requireSets } = await import("../../commands/concept-sets.ts");
      const { runConcepts } = await import("../../commands/concepts-run.ts");
      const display = showDataProgress(context);
      try {
        if (concepts) await requireSets(concepts.concepts, given.conceptSplit);
        // Concepts first, so that their IoU is among the attributes that are related to the drops.
        const effects = { fetching: display.progress, progress: display.progress, signal: context.signal };
        const aligned = concepts && (await runConcepts(path, concepts, effects));
        const result = await runAttributes(path, attributes, effects);
        display.finish();
        showAttributes(context, result, aligned);
      } finally {
        display.finish();
      }
    });
}

/** The works of a plan: concepts first, so that their IoU is among the attributes that are related to the drops. */
export function attributesWorks(options: Options): SharedWork[] {
  const { attributes, concepts } = attributesOptions(options);
  return [
    ...(concepts ? [{ kind: "concepts", options: concepts } as const] : []),
    { kind: "attributes", options: attributes },
  ];
}

/** Prints what a plan of such works found. */
export function showAttributesWorks(context: CliContext, results: readonly SharedResult[]): void {
  let aligned: ConceptsRunResult | undefined;
  for (const { kind, result } of results) {
    if (kind === "concepts") aligned = result;
    else if (kind === "attributes") showAttributes(context, result, aligned);
  }
}

/** Prints what units are. */
export function showAttributes(
  context: CliContext,
  { run, layers, leftOut, units, relations, reused, timings }: AttributesRunResult,
  aligned: ConceptsRunResult | undefined,
): void {
  const summaries = layers.map(({ name }) => summaryOf(rowsWhere(units, "layer", name), name));
  if (context.json) {
    context.print(
      JSON.stringify({
        run: run.path,
        reused,
        timings,
        layers: summaries,
        leftOut,
        relations: relations?.rows ?? 0,
        ...(aligned && { concepts: conceptsJson(aligned) }),
      }),
    );
    return;
  }
  const header = [
    "layer",
    "units",
    "silent",
    "selectivity",
    "by chance",
    "correlation",
    "by chance",
    "ROC AUC",
    "by chance",
  ];
  const rows = summaries.map((each) => [
    each.layer,
    String(each.units),
    String(each.silentUnits),
    ...[each.selectivity, each.correlation, each.rocAuc].flatMap(({ median, chance }) => [
      decimal(median),
      decimal(chance),
    ]),
  ]);
  context.note("medians over units; by chance: median of the 95 % quantiles under shuffled labels");
  for (const line of formatTable([header, ...rows], { right: header.map((_, at) => at).slice(1) })) context.print(line);
  if (aligned) for (const line of describeConcepts(aligned)) context.print(line);
  context.print(`run: ${run.path} (${duration(timings.total / 1000)}${reused ? ", responses observed before" : ""})`);
  for (const { reason } of leftOut) context.note(`left out: ${reason}`);
  context.note(`a unit's card: unitscope unit ${run.path} LAYER UNIT`);
}

function summaryOf(units: Table, layer: string) {
  const pair = (column: string): { median: number | null; chance: number | null } => ({
    median: median(doubles(units, column)),
    chance: median(doubles(units, `${column}_null_95`)),
  });
  return {
    layer,
    units: integers(units, "unit").length,
    silentUnits: doubles(units, "silent_fraction").filter((fraction) => fraction === 1).length,
    selectivity: pair("class_selectivity"),
    correlation: pair("class_correlation"),
    rocAuc: pair("roc_auc"),
  };
}

function median(column: Column): number | null {
  const values = Float64Array.from(column as Float64Array)
    .filter((value) => !Number.isNaN(value))
    .sort();
  if (values.length === 0) return null;
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

function decimal(value: number | null): string {
  return value === null ? "-" : value.toFixed(3);
}
