/**
 * The commands whose passes several machines can share. Each is in two halves: what is computed on images, block by
 * block, and what is written once all blocks are there. The same halves make up the command on one machine.
 */

import type { AblationMethod } from "../ablation/ablation-methods.ts";
import type { AttributesRunOptions } from "../commands/attributes-run.ts";
import { type AttributesRunResult, checkAttributes, describeUnits } from "../commands/attributes-run.ts";
import {
  alignLayers,
  type ConceptsRunOptions,
  type ConceptsRunResult,
  checkConcepts,
  writeAlignments,
} from "../commands/concepts-run.ts";
import { checkSets, type SetsRunOptions, type SetsRunResult, searchSets, writeSets } from "../commands/measure-sets.ts";
import { observeUnits } from "../commands/observe-units.ts";
import { chooseDeepLayers, chooseReadLayers, type OpenedRun } from "../commands/open-run.ts";
import {
  checkRotation,
  type RotationRunOptions,
  type RotationRunResult,
  sweepBases,
  writeRotation,
} from "../commands/rotate-layers.ts";
import { type SweepLayersOptions, sweepLayers } from "../commands/sweep-layers.ts";
import { type AblateRunResult, writeAblation } from "../commands/write-ablation.ts";
import { forEachItem, type PassRunner } from "../passes/pass-runner.ts";

/** A command on a run, with its options. */
export type SharedWork =
  | { readonly kind: "ablate"; readonly options: SweepLayersOptions }
  | { readonly kind: "attributes"; readonly options: AttributesRunOptions }
  | { readonly kind: "concepts"; readonly options: ConceptsRunOptions }
  | { readonly kind: "sets"; readonly options: SetsRunOptions }
  | { readonly kind: "rotate"; readonly options: RotationRunOptions };

/** What it gave. */
export type SharedResult =
  | { readonly kind: "ablate"; readonly result: AblateRunResult }
  | { readonly kind: "attributes"; readonly result: AttributesRunResult }
  | { readonly kind: "concepts"; readonly result: ConceptsRunResult }
  | { readonly kind: "sets"; readonly result: SetsRunResult }
  | { readonly kind: "rotate"; readonly result: RotationRunResult };

/** Who carries it out. */
export interface SharedEffects {
  readonly runner: PassRunner;
  readonly caution?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The passes of a kind that some work makes, and how many of them at least. */
export interface PassCount {
  /** `pass` of their plans. */
  readonly pass: string;
  readonly count: number;
  /** From 1: a pass of a stage begins when the same layer's pass of the stage before is whole. */
  readonly stage: number;
}

/**
 * Computes what some works need, as far as the runner lets it.
 * @returns what writes their results, in order.
 * @throws {UnitscopeError} `waiting` while blocks are not there that something later is computed from.
 */
export async function computeShared(
  opened: OpenedRun,
  works: readonly SharedWork[],
  effects: SharedEffects,
): Promise<() => Promise<SharedResult[]>> {
  const writers = await forEachItem(works, (work) => computeOne(opened, work, effects));
  return async () => {
    const results: SharedResult[] = [];
    for (const write of writers) results.push(await write());
    return results;
  };
}

async function computeOne(
  opened: OpenedRun,
  { kind, options }: SharedWork,
  effects: SharedEffects,
): Promise<() => Promise<SharedResult>> {
  switch (kind) {
    case "ablate": {
      const swept = await sweepLayers(opened, options, effects);
      return async () => ({ kind, result: await writeAblation(opened, swept) });
    }
    case "attributes": {
      const observed = await observeUnits(opened, options, effects);
      return async () => ({ kind, result: await describeUnits(opened, observed, options, effects) });
    }
    case "concepts": {
      const aligned = await alignLayers(opened, options, effects);
      return async () => ({ kind, result: await writeAlignments(opened, aligned, options) });
    }
    case "sets": {
      const found = await searchSets(opened, options, effects);
      return async () => ({ kind, result: await writeSets(opened, found, options) });
    }
    case "rotate": {
      const swept = await sweepBases(opened, options, effects);
      return async () => ({ kind, result: await writeRotation(opened, swept, options) });
    }
  }
}

/** @throws {UnitscopeError} `usage` for options that the works' commands refuse. */
export function checkWorks(works: readonly SharedWork[]): void {
  for (const { kind, options } of works) {
    if (kind === "attributes") checkAttributes(options);
    else if (kind === "concepts") checkConcepts(options);
    else if (kind === "sets") checkSets(options);
    else if (kind === "rotate") checkRotation(options);
  }
}

/**
 * What a run has to hold for some works: an ablation goes on with layers that were measured on some of the images, all
 * others start from whole ones.
 */
export function startOf(works: readonly SharedWork[]): {
  isPartialFine: boolean;
  layers: readonly string[] | undefined;
} {
  const wanted = works.map(({ options: { layers } }) => layers ?? []);
  return {
    isPartialFine: works.some(({ kind }) => kind === "ablate"),
    layers: wanted.every((names) => names.length > 0) ? wanted.flat() : undefined,
  };
}

/** The passes that some works make. */
export function passesOf(opened: OpenedRun, works: readonly SharedWork[]): PassCount[] {
  return works.flatMap((work) => {
    const { stages, count } = chainOf(opened, work);
    return stages.flatMap((passes, at) => passes.map((pass) => ({ pass, count, stage: at + 1 })));
  });
}

/** The passes that find the constants which replace units. */
function constantsOf(method: AblationMethod): string[][] {
  if (method === "optimal") return [["response sums"], ["divergences, coarse"], ["divergences, fine"]];
  return method === "mean" ? [["response sums"]] : [];
}

/** One work's passes, one after another, for so many layers. */
function chainOf(opened: OpenedRun, { kind, options }: SharedWork): { stages: string[][]; count: number } {
  const constants = constantsOf(opened.method);
  switch (kind) {
    case "ablate":
      return { stages: [...constants, ["sweep"]], count: 1 };
    case "attributes":
      return { stages: [["responses"]], count: 1 };
    case "concepts": {
      const last = ["concept shuffles", ...(options.auroc === false ? [] : ["concept auroc"])];
      const stages = [["concept thresholds"], ["concept overlaps"], last];
      return { stages, count: chooseReadLayers(opened, options.layers).layers.length };
    }
    case "sets": {
      const searches = options.strategies?.some((name) => name === "greedy" || name === "single" || name === "keep");
      const stages = [...constants, ...(searches === false ? [] : [["greedy"]]), ["sequences"]];
      return { stages, count: chooseDeepLayers(opened, options.layers).length };
    }
    case "rotate": {
      const stages = [
        ...(options.center ? constantsOf("mean") : constants),
        ...(options.pca === false ? [] : [["moments"]]),
        ["rotation"],
      ];
      return { stages, count: chooseDeepLayers(opened, options.layers).length };
    }
  }
}
