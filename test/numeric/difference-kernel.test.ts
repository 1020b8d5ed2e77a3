/** The kernel, bit for bit against plain JavaScript; the module that the package carries is what its source says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import wabt from "wabt";
import { type DifferenceTables, type Lists, openDifferenceKernel } from "../../src/numeric/difference-kernel.ts";
import { differenceKernelBytes } from "../../src/numeric/difference-kernel-bytes.ts";
import { seededRandom } from "../../src/numeric/random.ts";

test("the bytes are the source, assembled", async () => {
  const source = readFileSync(new URL("../../src/numeric/difference-kernel.wat", import.meta.url), "utf8");
  const { parseWat } = await wabt();
  const { buffer } = parseWat("difference-kernel.wat", source, { simd: true, bulk_memory: true }).toBinary({});
  expect(Buffer.from(buffer).toString("base64")).toBe(differenceKernelBytes);
});

const random = seededRandom(11);
const below = (count: number): number => Math.floor(random.uniform() * count);

function joined(lists: readonly (readonly number[])[]): Lists {
  const starts = [0];
  for (const list of lists) starts.push(starts[starts.length - 1] + list.length);
  return { starts, entries: lists.flat() };
}
const listOf = ({ starts, entries }: Lists, i: number): readonly number[] => entries.slice(starts[i], starts[i + 1]);

/** Numbers of both signs, with `odd` of them 0, −0, infinite, not a number, or so small that they lose bits. */
function numbers(size: number, odd: number): Float32Array {
  const special = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-41, -1e-45, 3e38];
  return Float32Array.from({ length: size }, () =>
    random.uniform() < odd ? special[below(special.length)] : random.normal(),
  );
}

/** Some numbers are zero: all but a few, about half, none or all. */
function change(size: number): Float32Array {
  const kept = [0.15, 0.5, 1, 0][below(4)];
  return numbers(size, 0.02).map((number) => (random.uniform() < kept ? number : 0));
}

interface Case extends DifferenceTables {
  readonly positions: number;
}

/** Any positions move any places, and windows hold any places: overlapping, of one place, of all. */
function anyTables(channels: number, windowCount: number): Case {
  const places = 1 + below(70);
  const positions = 1 + below(140);
  const tapCount = 1 + below(9);
  const pick = (count: number, of: number): number[] => Array.from({ length: count }, () => below(of));
  const moved = Array.from({ length: positions }, () =>
    pick(below(10), places).flatMap((place) => [place, below(tapCount)]),
  );
  const windows = Array.from({ length: windowCount }, () => pick(1 + below(9), places));
  const least = random.uniform() < 0.5 ? 0 : Number.NEGATIVE_INFINITY;
  return { places, channels, tapCount, positions, moved: joined(moved), windows: joined(windows), least };
}

/** The sums less the unit's contribution in single precision, an entry after the other, then the largest of each window. */
function plain(
  { places, channels, tapCount, moved, windows, least }: Case,
  { sums, weights, unit, change }: { sums: Float32Array; weights: Float32Array; unit: number; change: Float32Array },
): Float32Array {
  const left = sums.slice();
  change.forEach((number, position) => {
    if (number === 0) return;
    const pairs = listOf(moved, position);
    for (let i = 0; i < pairs.length; i += 2) {
      for (let channel = 0; channel < channels; channel++) {
        const at = channel * places + pairs[i];
        const weight = weights[(unit * channels + channel) * tapCount + pairs[i + 1]];
        left[at] = left[at] - Math.fround(number * weight);
      }
    }
  });
  const count = windows.starts.length - 1;
  const out = new Float32Array(channels * count);
  for (let channel = 0; channel < channels; channel++) {
    for (let window = 0; window < count; window++) {
      let largest = least;
      for (const place of listOf(windows, window)) {
        const number = left[channel * places + place];
        if (!(number < largest)) largest = number;
      }
      out[channel * count + window] = largest;
    }
  }
  return out;
}

/** Numbers as their bits, so that −0 is not 0; every number that is none is the same. */
const bits = (all: Float32Array): number[] =>
  Array.from(new Uint32Array(all.map((each) => (Number.isNaN(each) ? Number.NaN : each)).buffer));

function check(tables: Case): void {
  const { places, channels, tapCount, positions } = tables;
  const units = 1 + below(6);
  const isAll = random.uniform() < 0.5;
  const weights = numbers(units * channels * tapCount, 0.01);
  const kernel = openDifferenceKernel(tables, { units, pairs: 9, changes: isAll ? units : 1 }, weights);
  if (!kernel) throw new Error("no vectors");
  const expected: number[] = [];
  let at = 0;
  // Two images after one another: what the first left behind must not be in the second.
  for (const count of [4, 5]) {
    const sums = numbers(channels * places, 0.02);
    kernel.setSums(sums);
    const changes = Array.from({ length: isAll ? units : count }, () => change(positions));
    const some = Int32Array.from({ length: count }, () => below(units));
    if (isAll) {
      const all = new Float32Array(units * positions);
      changes.forEach((each, unit) => all.set(each, unit * positions));
      kernel.setChanges(all);
      kernel.write(some, at);
    }
    some.forEach((unit, i) => {
      if (!isAll) {
        kernel.setChanges(changes[i]);
        kernel.write(some.subarray(i, i + 1), at + i);
      }
      expected.push(...bits(plain(tables, { sums, weights, unit, change: changes[isAll ? unit : i] })));
    });
    at += count;
  }
  const form = JSON.stringify({ channels, places, positions, windows: tables.windows.starts.length - 1 });
  expect(bits(kernel.written(at).slice()), form).toEqual(expected);
}

test("tables of any form give the bits of plain JavaScript", () => {
  for (let channels = 1; channels <= 100; channels++) check(anyTables(channels, 1 + below(25)));
  for (let windows = 1; windows <= 25; windows++) check(anyTables(1 + below(40), windows));
});

test("more windows than a mask has bits", () => {
  for (const windows of [63, 64, 65, 130]) check(anyTables(1 + below(20), windows));
});
