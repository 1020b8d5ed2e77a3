/** The graphs of rotations: the plain insertion, the rotated response, and the way from one direction's change to the logits. */
import { cutTo, dependentsOf, insertAfter } from "../onnx/edit.ts";
import { type Dim, type Graph, intTensor, type Node, node, type Port, type Tensor } from "../onnx/graph.ts";
import { graphWriter } from "../onnx/graph-writer.ts";
import type { Shape } from "../onnx/shapes.ts";
import { type DirectionPlan, isReshape } from "./direction-plan.ts";

/** The rotation: float32 `[units, units, 1, 1]` (or `[units, units]`), row k the k-th direction. */
export const ROTATION_INPUT = "unitscope/rotation";
/** Which coordinates stay: bool `[1, units, 1, 1]` (or `[1, units]`). */
export const KEEP_INPUT = "unitscope/keep_coordinates";
/** What the others become: float32 of the same shape. */
export const COORDINATES_INPUT = "unitscope/replaced_coordinates";
/** Rows of the block: int32 `[pairs]`. */
export const ROWS_INPUT = "unitscope/rows";
/** row · units + direction, int32 `[pairs]`. */
export const CHANGE_ROWS_INPUT = "unitscope/change_rows";
/** The direction: float32 `[1, units, 1, 1]` (or `[1, units]`). */
export const DIRECTION_INPUT = "unitscope/direction";
/** Coordinates minus those of the replacement, `[block, units, positions]`. */
export const CHANGE = "unitscope/coordinate_change";
/** Output: the largest change of an image's responses. */
export const CHANGE_LARGEST: string = `${CHANGE}/largest`;
/** Output: the norm of an image's change. */
export const CHANGE_NORM: string = `${CHANGE}/norm`;
/** Kernel of the direction at direct frontier `i`. */
export const kernelInput = (i: number): string => `unitscope/direction_kernel_${i}`;

/** Size of the response behind the batch and channel dimensions: `[height, width]`, or `[]`. */
function spatialSize(tap: string, shapes: ReadonlyMap<string, Shape>): number[] {
  return (shapes.get(tap) ?? []).slice(2) as number[];
}

/** `[1, units, 1, 1]` for a map, `[1, units]` for a vector. */
export function perUnit(units: number, size: readonly number[]): number[] {
  return [1, units, ...size.map(() => 1)];
}

/** The network with the response rotated, some coordinates replaced, and rotated back: the definition. */
export function rotatedGraph(graph: Graph, { plan }: DirectionPlan, shapes: ReadonlyMap<string, Shape>): Graph {
  const { tap, units } = plan;
  const size = spatialSize(tap, shapes);
  const isMap = size.length > 0;
  const at = "unitscope/rotated";
  const nodes = isMap
    ? [
        node("Conv", [tap, ROTATION_INPUT], [`${at}/coordinates`]),
        node("Transpose", [ROTATION_INPUT], [`${at}/back`], { perm: [1, 0, 2, 3] }),
        node("Where", [KEEP_INPUT, `${at}/coordinates`, COORDINATES_INPUT], [`${at}/kept`]),
        node("Conv", [`${at}/kept`, `${at}/back`], [`${at}/response`]),
      ]
    : [
        node("Transpose", [ROTATION_INPUT], [`${at}/forth`], { perm: [1, 0] }),
        node("MatMul", [tap, `${at}/forth`], [`${at}/coordinates`]),
        node("Where", [KEEP_INPUT, `${at}/coordinates`, COORDINATES_INPUT], [`${at}/kept`]),
        node("MatMul", [`${at}/kept`, ROTATION_INPUT], [`${at}/response`]),
      ];
  const shape = perUnit(units, size);
  return insertAfter(graph, tap, {
    replacement: `${at}/response`,
    nodes,
    inputs: [
      { name: ROTATION_INPUT, type: "float32", shape: [units, units, ...size.map(() => 1)] },
      { name: KEEP_INPUT, type: "bool", shape },
      { name: COORDINATES_INPUT, type: "float32", shape },
    ],
  });
}

/** The same from the response on: the response and what else the rest reads are inputs, `[N, …]`. */
export function rotatedSuffix(graph: Graph, plan: DirectionPlan, shapes: ReadonlyMap<string, Shape>): Graph {
  const { tap } = plan.plan;
  const rotated = rotatedGraph(graph, plan, shapes);
  const dependent = dependentsOf(rotated, tap);
  const nodes = rotated.nodes.filter((each) => each.inputs.some((input) => dependent.has(input)) || usesRotation(each));
  const made = new Set(nodes.flatMap((each) => each.outputs));
  const read = new Set(nodes.flatMap((each) => each.inputs));
  const sides = [...read].filter((name) => name !== "" && !made.has(name) && !graph.constants.has(name));
  const known = new Set(rotated.inputs.map((port) => port.name));
  const inputs = sides.map((name): Port => {
    const own = rotated.inputs.find((port) => port.name === name);
    return own && known.has(name) ? own : { name, type: "float32", shape: ["N", ...(shapes.get(name) ?? []).slice(1)] };
  });
  return cutTo({ ...rotated, nodes, inputs }, [rotated.outputs[0]?.name ?? plan.plan.logits]);
}

function usesRotation(each: Node): boolean {
  return each.inputs.includes(ROTATION_INPUT);
}

/** From a block's responses to the change of every coordinate, its largest size and its norm per (image, direction). */
export function coordinateGraph(graph: Graph, { plan }: DirectionPlan, shapes: ReadonlyMap<string, Shape>): Graph {
  const { tap, units } = plan;
  const size = spatialSize(tap, shapes);
  const positions = size.reduce((a, b) => a * b, 1);
  const isNew = (graph.opsets.get("") ?? 0) >= 18;
  const reduce = (op: string, from: string, to: string): Node =>
    isNew ? node(op, [from, "axis"], [to], { keepdims: 0 }) : node(op, [from], [to], { keepdims: 0, axes: [2] });
  const rotate =
    size.length > 0
      ? [node("Conv", [tap, ROTATION_INPUT], ["coordinates"])]
      : [
          node("Transpose", [ROTATION_INPUT], ["forth"], { perm: [1, 0] }),
          node("MatMul", [tap, "forth"], ["coordinates"]),
        ];
  const whole: Graph = {
    ...graph,
    nodes: [
      ...rotate,
      node("Sub", ["coordinates", COORDINATES_INPUT], ["moved"]),
      node("Reshape", ["moved", "flat"], [CHANGE]),
      node("Abs", [CHANGE], ["absolute"]),
      reduce("ReduceMax", "absolute", CHANGE_LARGEST),
      reduce("ReduceL2", CHANGE, CHANGE_NORM),
    ],
    constants: new Map<string, Tensor>([
      ["flat", intTensor([-1, units, positions])],
      ["axis", intTensor([2])],
    ]),
    inputs: [
      { name: tap, type: "float32", shape: ["block", units, ...size] },
      { name: ROTATION_INPUT, type: "float32", shape: [units, units, ...size.map(() => 1)] },
      { name: COORDINATES_INPUT, type: "float32", shape: perUnit(units, size) },
    ],
    outputs: [],
  };
  return cutTo(whole, [CHANGE, CHANGE_LARGEST, CHANGE_NORM]);
}

/** From one direction's change to the logits, for any rows of a block. */
export function directionSuffix(graph: Graph, of: DirectionPlan, shapes: ReadonlyMap<string, Shape>): Graph {
  const { plan, direct, recomputed } = of;
  const { tap, units } = plan;
  const size = spatialSize(tap, shapes);
  const positions = size.reduce((a, b) => a * b, 1);
  const writer = graphWriter(graph.constants);
  const { nodes, constants, insert } = writer;
  const constant = (name: string, values: number[]): string => writer.constant(name, intTensor(values));
  const inputs = new Map<string, Port>();
  const input = (name: string, type: Port["type"], shape: readonly Dim[]): string => {
    inputs.set(name, { name, type, shape });
    return name;
  };
  const rows = input(ROWS_INPUT, "int32", ["pairs"]);
  const block = (name: string): string =>
    insert("Gather", [input(name, "float32", ["block", ...(shapes.get(name) ?? []).slice(1)]), rows], `rows/${name}`);

  input(CHANGE, "float32", ["block", units, positions]);
  insert("Reshape", [CHANGE, constant("unitscope/one_change", [-1, positions])], "changes");
  insert("Gather", ["changes", input(CHANGE_ROWS_INPUT, "int32", ["pairs"])], "change");
  insert("Reshape", ["change", constant("unitscope/one_channel", [-1, 1, ...size])], "channel");
  const renamed = new Map<string, string>();
  direct.forEach(({ frontier, path, positions: reached }, i) => {
    let moved = "channel";
    for (const [step, each] of path.entries()) {
      const to = `direct_${i}/${step}`;
      if (isReshape(each)) insert("Reshape", [moved, constant(`${to}/shape`, [-1, reached])], to);
      else nodes.push({ ...each, name: to, inputs: [moved, ...each.inputs.slice(1)], outputs: [to] });
      moved = to;
    }
    const isProduct = frontier.node.op !== "Conv";
    const weight = graph.constants.get(frontier.node.inputs[1]) as Tensor;
    const kernel = input(
      kernelInput(i),
      "float32",
      isProduct ? [reached, null] : [weight.dims[0], 1, ...weight.dims.slice(2)],
    );
    const contribution = `direct_${i}/contribution`;
    if (isProduct) {
      insert("Reshape", [moved, constant(`direct_${i}/flat`, [-1, reached])], `direct_${i}/flattened`);
      insert("MatMul", [`direct_${i}/flattened`, kernel], contribution);
    } else insert("Conv", [moved, kernel], contribution, frontier.node.attributes);
    renamed.set(frontier.output, insert("Sub", [block(frontier.output), contribution], `direct_${i}/output`));
  });
  const read = new Set(recomputed.flatMap((each) => each.inputs));
  if (read.has(tap) || plan.logits === tap) {
    const direction = input(DIRECTION_INPUT, "float32", perUnit(units, size));
    const removed = insert("Mul", ["channel", direction], "removed");
    renamed.set(tap, insert("Sub", [block(tap), removed], "response"));
  }
  const made = new Set(recomputed.flatMap((each) => each.outputs));
  for (const name of read) {
    if (name === "" || made.has(name) || renamed.has(name) || graph.constants.has(name)) continue;
    renamed.set(name, block(name));
  }
  for (const each of recomputed) {
    nodes.push({ ...each, inputs: each.inputs.map((name) => renamed.get(name) ?? name) });
  }
  const whole: Graph = { ...graph, nodes, constants, inputs: [...inputs.values()], outputs: [] };
  return cutTo(whole, [renamed.get(plan.logits) ?? plan.logits]);
}
