/** What is kept on a device: tried with a runtime that only counts; `webgpu.test.ts` sweeps with a real one. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPlacing } from "../../src/runtime/placing.ts";
import type { Value } from "../../src/runtime/runtime.ts";
import { floatValue, useRuntime } from "../../src/runtime/session.ts";

let placed: number;
let freed: number;
beforeEach(() => {
  [placed, freed] = [0, 0];
  useRuntime({
    open: () => Promise.reject(new Error("not asked for")),
    place: async (values, provider) => {
      if (provider === "cuda") return undefined;
      placed++;
      const there = Object.entries(values).map(([name, value]) => [name, { ...value, onDevice: name }]);
      return { values: Object.fromEntries(there), free: () => freed++ };
    },
  });
});
afterEach(async () => useRuntime((await import("../../src/runtime/node-runtime.ts")).nodeRuntime));

const values = { a: floatValue([1], Float32Array.of(1)) };
const isThere = (found: Readonly<Record<string, Value>>): boolean => found["a"]?.onDevice !== undefined;

test("values go to the device the second time they are asked for in a row, once, and leave it with their owner", async () => {
  const placing = openPlacing("webgpu");
  const [one, other] = [{}, {}];
  expect(isThere(await placing.of(one, values))).toBe(false);
  expect(isThere(await placing.of(one, values))).toBe(true);
  expect(isThere(await placing.of(one, values))).toBe(true);
  expect([placed, freed]).toEqual([1, 0]);
  expect(isThere(await placing.of(other, values))).toBe(false);
  expect(freed).toBe(1);
  expect(isThere(await placing.of(one, values))).toBe(false);
  expect(isThere(await placing.of(one, values))).toBe(true);
  placing.forget(); // they have changed
  await Promise.resolve();
  expect([placed, freed]).toEqual([2, 2]);
  expect(isThere(await placing.of(one, values))).toBe(false);
});

test("nothing is placed on the CPU, nor where the runtime cannot hold it", async () => {
  for (const provider of ["cpu", "cuda"] as const) {
    const placing = openPlacing(provider);
    for (let turn = 0; turn < 3; turn++) expect(await placing.of(values, values)).toEqual(values);
    placing.forget();
  }
  expect([placed, freed]).toEqual([0, 0]);
});
