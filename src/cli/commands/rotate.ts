/** `unitscope rotate RUN`: are single units special directions of their layer? */

import { Command, InvalidArgumentError, Option } from "commander";
import type { LayerRotation, RotationRunOptions, RotationRunResult } from "../../commands/rotate-layers.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import { requireRun } from "../../runs/find-run.ts";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { formatTable } from "../format-table.ts";
import { count, fraction, list, wholeNumber } from "../option-parsers.ts";
import { points } from "../points.ts";
import { duration } from "../progress-display.ts";
import { providerOption } from "../provider-option.ts";
import { isQueued, onQueue, type QueueOptions } from "../queue-options.ts";

/** The command `rotate`. */
export function rotateCommand(context: CliContext): Command {
  return new Command("rotate")
    .description("remove directions of randomly rotated bases instead of units, and compare")
    .argument("<run>", "run folder")
    .addOption(
      new Option(
        "--layer, --layers <names>",
        "layers, separated by commas; the run's deepest convolution by default",
      ).argParser(list),
    )
    .option("--seeds <count>", "random rotations (Haar)", wholeNumber, 5)
    .addOption(
      new Option("--fractions <list>", "how far they are rotated, separated by commas: 1 the whole rotation").argParser(
        fractions,
      ),
    )
    .option("--center", "replace removed coordinates, units too, by their means: a rotation about the mean response")
    .option("--export-bases", "write the bases themselves (bases.parquet)")
    .option("--no-pca", "leave out the principal axes of the responses")
    .option("--seed <seed>", "seed of the first rotation; the others count on from it", wholeNumber, 1)
    .option(
      "--verify <fraction>",
      "repeat this fraction of the (direction, image) pairs the plain way and stop at a difference with exit code 1; a small sample by default",
      fraction,
    )
    .addOption(
      new Option("--engine <engine>", "plain: the whole network, rotated, for every direction")
        .choices(["auto", "plain"])
        .default("auto"),
    )
    .option("--workers <count>", "worker threads; one a core by default", count)
    .addOption(providerOption())
    .action(async (path: string, { queue, shards, ...options }: RotationRunOptions & QueueOptions) => {
      requireRun(path);
      if (isQueued({ queue, shards })) {
        const { workers, ...shared } = options;
        const { planRun } = await import("../../shards/plan-run.ts");
        await onQueue(
          context,
          { queue, shards, workers },
          (cut, effects) => planRun(path, [{ kind: "rotate", options: shared }], cut, effects),
          (results) => {
            for (const { kind, result } of results) if (kind === "rotate") showRotation(context, result);
          },
        );
        return;
      }
      const { rotateLayers } = await import("../../commands/rotate-layers.ts");
      const display = showDataProgress(context);
      try {
        const result = await rotateLayers(path, options, {
          fetching: display.progress,
          caution: (text) => context.note(`caution: ${text}`),
          progress: (done, total) => display.progress({ title: "rotating", done, total, unit: "images" }),
          signal: context.signal,
        });
        display.finish();
        showRotation(context, result);
      } finally {
        display.finish();
      }
    });
}

/** Prints what a rotation found; exit code 1 if a check failed. */
export function showRotation(
  context: CliContext,
  { run, subject, layers, figure, elapsedMs }: RotationRunResult,
): void {
  const verified = layers.reduce((sum, { result }) => sum + result.verified, 0);
  if (context.json) {
    const described = layers.map(({ layer, bases, comparisons, selfTest, result }) => ({
      layer: layer.name,
      bases,
      comparisons,
      selfTest,
      settled: result.bases.map(({ settled }) => settled),
      verified: result.verified,
      timings: result.timings,
    }));
    context.print(JSON.stringify({ run: run.path, layers: described, figure, elapsedMs }));
  } else {
    context.print(`${subject.model.name} on ${subject.images.name}`);
    for (const layer of layers) for (const line of describeLayer(layer)) context.print(line);
    if (verified > 0) {
      const pairs = withCommas(verified);
      context.print(`verified: ${pairs} (direction, image) pairs repeated the plain way, 0 different`);
    }
    context.print(`figure: ${figure}`);
    context.print(`run: ${run.path} (${duration(elapsedMs / 1000)})`);
  }
  const changed = layers.reduce((sum, { selfTest }) => sum + selfTest.changed, 0);
  if (changed > 0) {
    context.note(`self-test: expected rotating and rotating back to change no prediction, got ${changed} changed`);
    context.failed();
  }
}

function describeLayer({ layer, bases, comparisons, selfTest }: LayerRotation): string[] {
  const rows = bases.map(({ basis, t, seed, maxClassDrop, overallDrop, significantEffects, effects }) => [
    basis === "random"
      ? `random, seed ${seed}${t === 1 ? "" : `, t = ${t}`}`
      : basis === "pca"
        ? "principal axes"
        : "units",
    points(maxClassDrop),
    points(overallDrop),
    `${withCommas(significantEffects)} of ${withCommas(effects)}`,
  ]);
  const header = ["basis", "mean max class drop", "mean overall drop", "effects real at 5 % false discoveries"];
  const tests = comparisons
    .filter(({ measure }) => measure === "max_class_drop" || measure === "class_specific_drop")
    .map((each) => [
      `${each.basis === "pca" ? "principal axes" : `random${each.t === 1 ? "" : `, t = ${each.t}`}`}: ${each.measure.replaceAll("_", " ")}`,
      points(each.unitMean),
      points(each.directionMean),
      each.superiority.toFixed(3),
      each.pValue < 0.001 ? each.pValue.toExponential(1) : each.pValue.toFixed(3),
      `${each.seedsBelow} of ${each.seeds}`,
    ]);
  const testHeader = ["units against", "units", "directions", "P(unit > direction)", "p", "rotations below the units"];
  return [
    "",
    `${layer.name}: ${layer.units} units and as many directions of each basis (in points of accuracy; positive means damage)`,
    ...formatTable([header, ...rows], { right: [1, 2, 3] }).map((line) => `  ${line}`),
    "",
    ...formatTable([testHeader, ...tests], { right: [1, 2, 3, 4, 5] }).map((line) => `  ${line}`),
    `  self-test: ${withCommas(selfTest.images)} images rotated and rotated back, ${selfTest.changed} predictions changed (${selfTest.close} too close to call)`,
    "",
  ];
}

function fractions(text: string): number[] {
  return list(text).map((part) => {
    const value = Number(part);
    if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("expected numbers above 0 and at most 1.");
    return value;
  });
}
