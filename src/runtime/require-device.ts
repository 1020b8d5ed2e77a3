/** Finds out whether there is a device before work on it begins, so that work without one leaves nothing behind. */
import { type Graph, node } from "../onnx/graph.ts";
import type { Provider } from "./session.ts";

/** The smallest graph that a device can be asked to run. */
const tiny: Graph = {
  name: "device",
  inputs: [{ name: "in", type: "float32", shape: [1] }],
  outputs: [{ name: "out", type: "float32", shape: [1] }],
  nodes: [node("Relu", ["in"], ["out"])],
  constants: new Map(),
  opsets: new Map([["", 13]]),
  metadata: new Map(),
};

/** @throws {UnitscopeError} `usage` if a graph cannot be opened there. */
export async function requireDevice(provider: Provider = "cpu"): Promise<void> {
  if (provider === "cpu") return;
  const { openSession } = await import("./session.ts");
  const session = await openSession(tiny, { provider, place: "device" });
  await session.close();
}
