/** Asks ONNX Runtime how many channels its blocked layout holds per block on this machine. */

import { type Graph, node } from "../../onnx/graph.ts";
import { openSession } from "../../runtime/session.ts";
import { BLOCKED_DOMAIN } from "./layouts.ts";

/** Channels per block (8 or 16), or `undefined` where the runtime has no blocked layout. */
export async function blockSize(): Promise<number | undefined> {
  const channels = 32;
  const port = { type: "float32", shape: [1, channels, 1, 2] } as const;
  const graph: Graph = {
    name: "probe",
    inputs: [{ name: "x", ...port }],
    outputs: [{ name: "y", ...port }],
    nodes: [{ ...node("ReorderInput", ["x"], ["y"]), domain: BLOCKED_DOMAIN }],
    constants: new Map(),
    opsets: new Map([
      ["", 17],
      [BLOCKED_DOMAIN, 1],
    ]),
    metadata: new Map(),
  };
  try {
    const session = await openSession(graph, { place: "layout probe" });
    const data = Float32Array.from({ length: channels * 2 }, (_, i) => i);
    const { y } = await session.run({ x: { type: "float32", dims: [1, channels, 1, 2], data } });
    await session.close();
    // The second position of channel 0 holds 1; it comes right after the first position of one block's channels.
    const second = y ? Array.from(y.data, Number).indexOf(1) : -1;
    return second === 8 || second === 16 ? second : undefined;
  } catch {
    return undefined;
  }
}
