/** The sweep of one block of images: every direction of some bases removed in turn, to the predictions that flip. */
import { certificateRoom } from "../ablation/certificates.ts";
import { collectFlips, type LayerBlock } from "../ablation/flip-collector.ts";
import type { Reference } from "../ablation/plain-route.ts";
import { isTie, type Reading, readRow } from "../ablation/predictions.ts";
import type { PlannedLayer } from "../ablation/prefix-graph.ts";
import type { PreparedBlock } from "../ablation/prepared-block.ts";
import { checkPairs, chosenRows } from "../ablation/verify.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Basis } from "./basis-feeds.ts";
import { type DirectionBound, kernelNorm } from "./direction-bound.ts";
import type { PlainRotation } from "./plain-rotation.ts";
import type { RotatedBlock, RotationRoute } from "./rotation-route.ts";

/** Rotating and rotating back, nothing removed. */
export interface SelfTest {
  /** Images compared. */
  readonly images: number;
  /** Images whose prediction changed although it was not too close to call: must be 0. */
  readonly changed: number;
  /** Images too close to call. */
  readonly close: number;
}

/** One basis on one block. */
export interface SweptBasis extends LayerBlock {
  readonly selfTest: SelfTest;
  readonly verified: number;
}

/** What sweeping needs. */
export interface DirectionContext {
  readonly model: Model;
  readonly planned: PlannedLayer;
  readonly route: RotationRoute;
  readonly plain: PlainRotation;
  /** The reference of the intact network. */
  readonly reference: Reference;
  readonly bound: DirectionBound | undefined;
  readonly engine: "auto" | "plain";
  /** Fraction of the (direction, image) pairs to repeat the plain way, in [0, 1]. */
  readonly verify: number;
  readonly seed: number;
}

/** Sweeps every direction of every basis over a block, or of those that the block asks for. */
export async function sweepDirections(
  context: DirectionContext,
  block: ImageBlock,
  { bases, report }: { bases: readonly Basis[]; report?: (done: number) => void },
): Promise<{ readonly predictions: Int32Array; readonly bases: readonly SweptBasis[] }> {
  const { route, model, engine } = context;
  const { classCount, tieTolerance: tolerance, logitFloor: floor } = model;
  const prepared = await route.prepare(block);
  const predictions = await settle(context, block, prepared);
  const room = context.bound && certificateRoom(context.bound.suffix, { classCount, tolerance, floor })(prepared);
  const swept: SweptBasis[] = [];
  for (const [index, basis] of bases.entries()) {
    if (block.only?.[index]?.length === 0) {
      swept.push(notAsked());
      continue;
    }
    const { route: plainRoute, reference } = context.plain.of(basis);
    const { units, tap } = context.planned.plan;
    const { replacement } = context.planned;
    const collector = collectFlips(block, {
      units,
      classCount,
      head: model.head,
      predictions,
      logits: prepared.logits,
      reference,
      tolerance,
      floor,
      isContinuous: false,
    });
    const rotated = await route.rotate(prepared, basis);
    const choice = { fraction: engine === "plain" ? 0 : context.verify, seed: context.seed, at: index };
    let verified = 0;
    for (let direction = 0; direction < units; direction++) {
      report?.((index + direction / units) / bases.length);
      const rows =
        engine === "plain"
          ? Int32Array.from(predictions.keys())
          : openRows(context, prepared, { rotated, direction, room, settled: collector.settled });
      const removal = { tap, units: [direction], replacement };
      const remove = async (): Promise<Float32Array> => {
        if (rows.length === 0) return new Float32Array(0);
        if (engine === "plain") return await plainRoute.logits(block, rows, removal);
        return await route.remove(prepared, rotated, direction, rows);
      };
      const logits = await remove();
      collector.settled[engine === "plain" ? "plain" : "suffix"] += rows.length;
      const found = await collector.take(
        { units: new Int32Array(rows.length).fill(direction), rows },
        logits,
        () => removal,
      );
      const pairs = chosenRows(choice, direction, block.images).map((row) => {
        const at = rows.indexOf(row);
        const own = at < 0 ? undefined : logits.subarray(at * classCount, (at + 1) * classCount);
        return { row, prediction: at < 0 ? predictions[row] : found[at], logits: own };
      });
      await checkPairs(model, block, pairs, { removal, reference, what: `direction ${direction}` });
      verified += pairs.length;
    }
    swept.push({
      ...collector.finish(),
      verified,
      selfTest: await testRotation(context, prepared, basis, predictions),
    });
  }
  return { predictions, bases: swept };
}

/** A basis that is not asked for: another shard's. */
function notAsked(): SweptBasis {
  return {
    unit: new Int32Array(0),
    image: new Int32Array(0),
    prediction: new Int32Array(0),
    settled: { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 },
    continuous: null,
    verified: 0,
    selfTest: { images: 0, changed: 0, close: 0 },
  };
}

/** Rows in which the direction matters, and its removal could change the prediction. */
function openRows(
  { route, bound }: DirectionContext,
  { count }: PreparedBlock,
  {
    rotated,
    direction,
    room,
    settled,
  }: { rotated: RotatedBlock; direction: number; room: Float64Array | undefined; settled: LayerBlock["settled"] },
): Int32Array {
  const { units } = route.plan.plan;
  let gain = Infinity;
  if (bound) {
    const { direct } = route.plan;
    const kernels = route.kernels(rotated.basis.subarray(direction * units, (direction + 1) * units));
    gain = bound.gains[direct.length];
    kernels.forEach((kernel, i) => {
      const isConv = direct[i]?.frontier.node.op === "Conv";
      const area = isConv ? kernel.length / bound.outputs[i] : 1;
      gain += kernelNorm(kernel, area) * bound.gains[i];
    });
  }
  const rows = new Int32Array(count);
  let open = 0;
  for (let row = 0; row < count; row++) {
    const at = row * units + direction;
    if (rotated.largest[at] === 0) settled.silent++;
    else if (room && rotated.norm[at] * gain * NORM_SLACK < room[row]) settled.certified++;
    else rows[open++] = row;
  }
  return rows.slice(0, open);
}

/** Covers the rounding of norms and of the rotation, which the runtime computes in float32. */
const NORM_SLACK = 1.001;

/** Baseline predictions, ties settled by the reference. */
async function settle(
  { model, reference }: DirectionContext,
  block: ImageBlock,
  prepared: PreparedBlock,
): Promise<Int32Array> {
  const predictions = new Int32Array(prepared.count);
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  for (let row = 0; row < prepared.count; row++) {
    readRow(prepared.logits, row, { classCount: model.classCount, into: reading });
    predictions[row] = isTie(reading, model.tieTolerance, model.logitFloor)
      ? await reference.predict(block, row, null)
      : reading.prediction;
  }
  return predictions;
}

/** Rotates and rotates back: predictions must stay what they are. */
async function testRotation(
  { route, model }: DirectionContext,
  prepared: PreparedBlock,
  basis: Basis,
  predictions: Int32Array,
): Promise<SelfTest> {
  const logits = await route.rotateBack(prepared, basis);
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  let changed = 0;
  let close = 0;
  for (let row = 0; row < prepared.count; row++) {
    readRow(logits, row, { classCount: model.classCount, into: reading });
    if (isTie(reading, model.tieTolerance, model.logitFloor)) close++;
    else if (reading.prediction !== predictions[row]) changed++;
  }
  return { images: prepared.count, changed, close };
}
