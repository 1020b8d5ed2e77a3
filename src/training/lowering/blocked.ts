/**
 * The lowering for ONNX Runtime's CPU provider: four-dimensional tensors stay in its channel-blocked layout.
 *
 * The runtime's own optimiser moves convolutions with constant weights to `[N, C/B, H, W, B]` (domain
 * `com.microsoft.nchwc`), which is two to three times as fast, but cannot do so where weights change from step to step.
 * Here it is done for it: filters are put into blocked order by a transposition in the graph, and gradients use the
 * same operators. A tensor is converted when an operator needs the other layout, once. Everything without a blocked
 * form goes through the portable lowering.
 */
import { elementCount, type Node } from "../../onnx/graph.ts";
import type { GraphBuilder } from "../graph-builder.ts";
import { interleavePhases } from "./blocked-input-gradient.ts";
import { blockedRules } from "./blocked-rules.ts";
import { BLOCKED_DOMAIN, type Layouts, type Phases } from "./layouts.ts";
import type { LoweringSource } from "./lowering.ts";
import { lowerPortableNode } from "./portable.ts";

/**
 * Rewrites a graph; the source's tensors keep their names where they exist in plain layout.
 *
 * @param options.block channels per block on this machine (`blockSize`).
 * @param options.keep tensors that must exist in plain layout: outputs of the graph.
 */
export function lowerBlocked(
  source: LoweringSource,
  target: GraphBuilder,
  { block, keep }: { block: number; keep: readonly string[] },
): void {
  const blockedForms = new Map<string, string>();
  const phaseForms = new Map<string, Phases>();
  const made = new Map<string, string>();
  const onlyBlocked = new Set<string>();
  const skipped = new Set<Node>();
  const readers = new Map<string, Node[]>();
  for (const node of source.nodes) {
    for (const input of node.inputs) {
      const known = readers.get(input);
      if (known) known.push(node);
      else readers.set(input, [node]);
    }
  }
  const kept = new Set(keep);
  const pending = new Set(source.nodes.flatMap((node) => node.outputs));

  const layouts: Layouts = {
    target,
    block,
    plain(tensor) {
      if (onlyBlocked.has(tensor)) {
        const shape = target.shapeOf(tensor);
        const attributes = { channels: { kind: "int", value: shape[1] ?? 0 } } as const;
        const reorder = {
          op: "ReorderOutput",
          domain: BLOCKED_DOMAIN,
          inputs: [layouts.blocked(tensor) as string],
          outputs: [tensor],
          attributes,
        };
        target.append({ name: `plain_${tensor}`, ...reorder }, [shape]);
        onlyBlocked.delete(tensor);
      }
      return tensor;
    },
    blocked(tensor) {
      const known = blockedForms.get(tensor);
      if (known !== undefined) return known;
      const shape = target.shapeOf(tensor);
      const phases = phaseForms.get(tensor);
      if (phases) {
        phaseForms.delete(tensor);
        const whole = interleavePhases({ target, block }, phases.tensor, { strides: phases.strides, shape });
        blockedForms.set(tensor, whole);
        return whole;
      }
      if (shape.length !== 4 || (shape[1] ?? 0) % block !== 0) return undefined;
      const blocked =
        elementCount(shape.slice(2)) === 1
          ? target.emit("Identity", [tensor], shape)
          : target.emit("ReorderInput", [tensor], shape, {}, BLOCKED_DOMAIN);
      blockedForms.set(tensor, blocked);
      return blocked;
    },
    isBlocked: (tensor) => blockedForms.has(tensor) || phaseForms.has(tensor),
    rows: (tensor) =>
      layouts.once(`rows ${tensor}`, () => {
        const [n = 1, c = 1, h = 1, w = 1] = target.shapeOf(tensor);
        const blocked = layouts.isBlocked(tensor) ? layouts.blocked(tensor) : undefined;
        const last =
          blocked === undefined
            ? target.transpose(tensor, [0, 2, 3, 1])
            : target.emit("ReorderOutput", [blocked], [n, h, w, c], { channels: c, channels_last: 1 }, BLOCKED_DOMAIN);
        return target.reshape(last, [n * h * w, c]);
      }),
    setBlocked(tensor, blocked) {
      pending.delete(tensor);
      blockedForms.set(tensor, blocked);
      onlyBlocked.add(tensor);
    },
    phases(tensor, strides) {
      const known = phaseForms.get(tensor);
      return known?.strides.join() === strides.join() ? known.tensor : undefined;
    },
    setPhases(tensor, phases) {
      pending.delete(tensor);
      phaseForms.set(tensor, phases);
      onlyBlocked.add(tensor);
    },
    once(key, make) {
      const known = made.get(key) ?? make();
      made.set(key, known);
      return known;
    },
    onlyReader(tensor) {
      const all = readers.get(tensor) ?? [];
      return all.length === 1 && !kept.has(tensor) ? all[0] : undefined;
    },
    isReady: (tensor) => !pending.has(tensor),
    skip: (node) => void skipped.add(node),
  };

  for (const node of source.nodes) {
    if (skipped.has(node)) continue;
    for (const output of node.outputs) if (output !== "") target.declare(output, source.shapeOf(output));
    if (!blockedRules[node.op]?.(node, layouts)) {
      for (const input of node.inputs) if (input !== "") layouts.plain(input);
      lowerPortableNode(node, source, target);
    }
    for (const output of node.outputs) pending.delete(output);
  }
  for (const tensor of keep) layouts.plain(tensor);
}
