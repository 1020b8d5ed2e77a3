/** The module that the package carries is what its source says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import wabt from "wabt";
import { openDifferenceKernel } from "../../src/numeric/difference-kernel.ts";
import { differenceKernelBytes } from "../../src/numeric/difference-kernel-bytes.ts";

test("the bytes are the source, assembled", async () => {
  const source = readFileSync(new URL("../../src/numeric/difference-kernel.wat", import.meta.url), "utf8");
  const { parseWat } = await wabt();
  const { buffer } = parseWat("difference-kernel.wat", source, { simd: true, bulk_memory: true }).toBinary({});
  expect(Buffer.from(buffer).toString("base64")).toBe(differenceKernelBytes);
});

test("takes products off rows and finds the largest of windows", () => {
  const kernel = openDifferenceKernel(4096);
  if (!kernel) throw new Error("no vectors");
  const numbers = new Float32Array(kernel.memory);
  const whole = new Int32Array(kernel.memory);
  // Two rows of 16 sums at 256, two of weights at 512, a change of three positions at 0.
  numbers.set([2, 0, Number.NaN], 0);
  for (let i = 0; i < 32; i++) [numbers[64 + i], numbers[128 + i]] = [i, 100 - i];
  whole.set([1024, 1040, 1048, 1048], 192); // lists of the positions
  whole.set([64, 0, 0, 64, 0, 0], 256); // (row 1, tap 0), (row 0, tap 1); then (row 0, tap 0) of a change of 0
  kernel.take(0, 3, 768, 512, 256, 64);
  const sums = Array.from(numbers.subarray(64, 96));
  expect(sums).toEqual(Array.from({ length: 32 }, (_, i) => (i < 16 ? i - 2 * (84 - i) : i - 2 * (116 - i))));
  whole.set([1200, 1204, 1212], 280); // windows: row 1; both rows
  whole.set([64, 0, 64], 300);
  kernel.gather(256, 1120, 2, 64, 0, 2048, 4, 8);
  const largest = (i: number): number[] =>
    [sums[16 + i], Math.max(sums[i], sums[16 + i])].map((each) => Math.max(0, each));
  expect(Array.from(numbers.subarray(512, 544))).toEqual(Array.from({ length: 16 }, (_, i) => largest(i)).flat());
});
