/**
 * Linear tails in closed form: where the frontier's output is the logits (a global average pool and a classifier, as
 * behind the last block of a ResNet), removing a unit takes its own contribution off every logit.
 */
import type { Graph } from "../onnx/graph.ts";
import { frontierWeights } from "./frontier-graph.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** The weights of a linear tail. */
export interface ClosedForm {
  /** float32 `[units, positions, classes]`. */
  readonly weights: Float32Array;
  readonly positions: number;
  /** The prefix output that holds the changes, `[count, units, positions]`. */
  readonly change: string;
}

/** The closed form of a plan, where there is one. */
export function closedForm(graph: Graph, plan: SuffixPlan, ports: LayerPorts): ClosedForm | undefined {
  const [frontier, ...others] = plan.frontiers;
  const port = ports.frontiers[0];
  if (!frontier || !port || others.length > 0 || plan.recomputed.length > 0 || plan.carried.length > 0)
    return undefined;
  if (frontier.output !== plan.logits || frontier.node.op === "Conv") return undefined;
  const weights = frontierWeights(frontier, plan.units, graph).data as Float32Array;
  return { weights, positions: port.positions, change: port.change };
}

/**
 * Logits of any pairs of a unit and a row of a block, `[pairs, classCount]`: the baseline's minus the unit's contribution,
 * summed in double precision. The returned array is reused by the next call.
 */
export function closedLogits(
  { weights, positions, change }: ClosedForm,
  block: PreparedBlock,
  { units: unitCount, classCount }: { units: number; classCount: number },
): (units: Int32Array, rows: Int32Array) => Float32Array {
  const changes = block.tensors.get(change)?.data as Float32Array;
  let result = new Float32Array(0);
  return (units, rows) => {
    const size = units.length * classCount;
    if (result.length < size) result = new Float32Array(size);
    for (let pair = 0; pair < units.length; pair++) {
      const from = (rows[pair] * unitCount + units[pair]) * positions;
      const at = units[pair] * positions * classCount;
      const before = rows[pair] * classCount;
      for (let cls = 0; cls < classCount; cls++) {
        let contribution = 0;
        for (let position = 0; position < positions; position++) {
          contribution += changes[from + position] * weights[at + position * classCount + cls];
        }
        result[pair * classCount + cls] = block.logits[before + cls] - contribution;
      }
    }
    return result;
  };
}
