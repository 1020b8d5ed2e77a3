/** Compares the gradients of a graph with central differences of its forward pass. */
import { expect } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { elementCount, type Graph, type Node, node, type Port, type Tensor } from "../../src/onnx/graph.ts";
import { floatValue, openSession, type Value } from "../../src/runtime/session.ts";
import { differentiate } from "../../src/training/differentiate.ts";
import { growGraph, type Shape } from "../../src/training/graph-builder.ts";
import { lowerBlocked } from "../../src/training/lowering/blocked.ts";
import { BLOCKED_DOMAIN } from "../../src/training/lowering/layouts.ts";
import { lowerPortable } from "../../src/training/lowering/portable.ts";
import { movePoolsBehindRelu } from "../../src/training/lowering/relu-before-pool.ts";

/** Half the distance of the two points of a central difference. */
const STEP = 1e-2;
/** Float32 sums of up to some hundred terms, divided by 2·STEP; and the curvature over one step. */
const TOLERANCE = 2e-3;

export interface Case {
  readonly nodes: readonly Node[];
  /** What the differences are taken of, where it is not `nodes`. */
  readonly forwardNodes?: readonly Node[];
  /** Every input is differentiated by, unless it is in `fixed`. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly output: string;
  readonly fixed?: readonly string[];
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Values at least 5 steps apart, so that no maximum and no sign changes within a difference. */
  readonly spaced?: boolean;
  readonly values?: Readonly<Record<string, Float32Array>>;
}

/**
 * The loss is Σ r·y with fixed random r, summed in double precision for the differences.
 * @param block channels per block for the blocked lowering, or `undefined` for the portable one.
 */
export async function checkGradients(
  { nodes, forwardNodes = nodes, inputs, output, fixed = [], constants = {}, spaced = false, values = {} }: Case,
  block: number | undefined,
): Promise<Graph> {
  const random = seededRandom(7);
  const feeds: Record<string, Value<Float32Array>> = {};
  for (const [name, shape] of Object.entries(inputs)) {
    const size = elementCount(shape);
    const drawn = spaced
      ? random.shuffle(Float32Array.from({ length: size }, (_, i) => (i - size / 2 + 0.5) * 5 * STEP))
      : Float32Array.from({ length: size }, () => random.normal());
    feeds[name] = floatValue(shape, values[name] ?? drawn);
  }
  const ports = Object.entries(inputs).map(([name, shape]): Port => ({ name, type: "float32", shape }));
  const forward: Graph = {
    name: "case",
    inputs: ports,
    outputs: [{ name: output, type: "float32", shape: null }],
    nodes,
    constants: new Map(Object.entries(constants)),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  };
  const forwardSession = await openSession({ ...forward, nodes: forwardNodes });
  const evaluate = async (): Promise<Float32Array> =>
    (await forwardSession.run(feeds, [output]))[output]?.data as Float32Array;
  const y = await evaluate();
  const weights = Float32Array.from(y, () => random.normal());

  const parameters = Object.keys(inputs).filter((name) => !fixed.includes(name));
  const { lowered, results } = await gradientsOf(forward, { feeds, output, weights, parameters }, block);

  for (const parameter of parameters) {
    const gradient = results.get(parameter) as Float32Array;
    const values = feeds[parameter].data;
    expect(gradient.length, parameter).toBe(values.length);
    const places =
      values.length <= 40 ? [...values.keys()] : Array.from({ length: 40 }, () => random.integer(values.length));
    for (const place of places) {
      const kept = values[place];
      const lossAt = async (value: number): Promise<number> => {
        values[place] = value;
        const moved = await evaluate();
        return moved.reduce((sum, each, i) => sum + (each - y[i]) * weights[i], 0);
      };
      const high = Math.fround(kept + STEP);
      const low = Math.fround(kept - STEP);
      const difference = ((await lossAt(high)) - (await lossAt(low))) / (high - low);
      values[place] = kept;
      const error = Math.abs(gradient[place] - difference);
      expect(error, `${parameter}[${place}]: gradient ${gradient[place]}, difference ${difference}`).toBeLessThan(
        TOLERANCE * (1 + Math.abs(difference)),
      );
    }
  }
  await forwardSession.close();
  return lowered;
}

/** The gradients of Σ weights·output by every parameter, as the lowered graph gives them. */
export async function gradientsOf(
  forward: Graph,
  {
    feeds,
    output,
    weights,
    parameters,
  }: {
    feeds: Readonly<Record<string, Value<Float32Array>>>;
    output: string;
    weights: Float32Array;
    parameters: readonly string[];
  },
  block: number | undefined,
): Promise<{ lowered: Graph; results: ReadonlyMap<string, Float32Array> }> {
  const shapes = new Map(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
  const withLoss: Graph = {
    ...forward,
    nodes: [
      ...forward.nodes,
      node("Flatten", [output], ["flat"], { axis: 0 }),
      node("Mul", ["flat", "loss_weights"], ["weighted"]),
      node("ReduceSum", ["weighted"], ["loss"], { keepdims: 0 }),
    ],
    constants: new Map([
      ...forward.constants,
      ["loss_weights", { type: "float32", dims: [1, weights.length], data: weights }],
    ]),
  };
  const { builder, gradients } = differentiate(withLoss, { inputs: shapes, loss: "loss", parameters });
  const source = movePoolsBehindRelu(builder);
  const target = growGraph({ constants: builder.constants, prefix: "low/" });
  for (const [name, shape] of shapes) target.declare(name, shape);
  const keep = ["loss", ...gradients.values()];
  if (block === undefined) lowerPortable(source, target);
  else lowerBlocked(source, target, { block, keep });
  const lowered: Graph = {
    ...withLoss,
    outputs: keep.map((name) => ({ name, type: "float32", shape: null })),
    nodes: target.nodes,
    constants: target.constants,
    opsets: new Map(
      block === undefined
        ? [["", 17]]
        : [
            ["", 17],
            [BLOCKED_DOMAIN, 1],
          ],
    ),
  };
  const session = await openSession(lowered, { place: "gradients" });
  const values = await session.run(feeds);
  await session.close();
  const named = parameters.map((name) => [name, values[gradients.get(name) as string]?.data as Float32Array] as const);
  return { lowered, results: new Map(named) };
}
