import { describe, expect, test } from "vitest";
import { checkedOnce } from "../../src/runtime/device-check.ts";
import type { Session, Value } from "../../src/runtime/runtime.ts";

/** A session that gives these numbers as `out`, and the labels of their signs. */
function giving(values: readonly number[], runs: number[] = []): Session {
  const out: Value = { type: "float32", dims: [values.length], data: Float32Array.from(values) };
  const signs: Value = { type: "int32", dims: [values.length], data: Int32Array.from(values, Math.sign) };
  return {
    inputNames: [],
    outputNames: ["out", "signs"],
    run: async () => {
      runs.push(1);
      return { out, signs };
    },
    close: async () => {},
  };
}

function checked(device: readonly number[], cpu: readonly number[], runs: number[] = []): Session {
  const openOnCpu = async (): Promise<Session> => giving(cpu, runs);
  return checkedOnce(giving(device), { provider: "webgpu", place: "network", openOnCpu });
}

describe("checkedOnce", () => {
  test("gives the device's values where they are the CPU's to a hundredth, and asks the CPU once", async () => {
    const runs: number[] = [];
    const session = checked([1, -0.995, 1e-6, Number.NaN], [1, -1, -1e-6, Number.NaN], runs);
    for (let run = 0; run < 3; run++) expect((await session.run({})).out?.data[1]).toBeCloseTo(-0.995, 6);
    expect(runs).toEqual([1]);
  });

  test.each([
    ["far away", [1, 0.98], [1, 1], "2.0 %"],
    ["no number", [1, Number.NaN], [1, 1], "Infinity %"],
    ["a number for none", [1, 1], [1, Number.POSITIVE_INFINITY], "Infinity %"],
    ["of nothing but zeros", [0, 0.5], [0, 0], "a difference of 0.50"],
    ["of another length", [1, 1, 1], [1, 1], "3 values for 2"],
  ])("refuses a value that is %s", async (_, device, cpu, difference) => {
    await expect(checked(device, cpu).run({})).rejects.toThrow(
      `network, tensor "out": expected provider "webgpu" to give the values of the CPU to 1 % of the largest, got ${difference}: a fault of ONNX Runtime or the driver; use provider "cpu"`,
    );
  });
});
