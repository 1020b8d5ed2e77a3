/**
 * A kernel for what removing one unit changes: the unit's contribution is taken off sums of the intact network, only where
 * its response is not zero, and what comes out is pooled. One pass over numbers that stay in the cache takes the place of
 * five operators of a runtime, each of which writes a tensor to memory.
 *
 * It is WebAssembly (`difference-kernel.wat`) because the rows are short and JavaScript has no vectors. Windows in which
 * nothing changes are pooled once for all pairs with the same sums.
 */
import { differenceKernelBytes } from "./difference-kernel-bytes.ts";

/** Lists of different lengths, one behind the other: list `i` is entries `starts[i]` to `starts[i + 1]` (exclusive). */
export interface Lists {
  readonly starts: readonly number[];
  readonly entries: readonly number[];
}

/** Where numbers go: from a unit's change through the taps of its weights to places, and from there to windows. */
export interface DifferenceTables {
  readonly places: number;
  readonly channels: number;
  readonly tapCount: number;
  /** Per position of a unit's change: place, tap, place, tap … */
  readonly moved: Lists;
  /** Per place of what comes out, the places of which it is the largest; no list is empty. */
  readonly windows: Lists;
  /** What comes out is no less: 0 behind ReLU, else −∞. */
  readonly least: number;
}

/** How many units and pairs a kernel is for. */
export interface DifferenceSizes {
  readonly units: number;
  /** Pairs that are written one behind the other. */
  readonly pairs: number;
  /** Changes that are held at once: those of all units, or one. */
  readonly changes: number;
}

/** An opened kernel. */
export interface DifferenceKernel {
  /** Sums of the intact network, `[channels, places]`, for the pairs that follow. */
  setSums(sums: Float32Array): void;
  /** Changes `[changes, positions]`. */
  setChanges(changes: Float32Array): void;
  /** Writes pair `at` and those behind it, one for each of some units; pairs are written in order. */
  write(units: Int32Array, at: number): void;
  /** The first pairs, `[count, channels, windows]`; only valid until others are written. */
  written(count: number): Float32Array;
}

// The types of the language's libraries know it for browsers only.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, number>>,
  ) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  begin(): void;
  write(count: number, at: number): void;
}

const PAGE = 1 << 16;
const WORD = 4;
/** Rows hold whole multiples of so many numbers. */
const ROW_NUMBERS = 16;
/** Bytes of a place's record before its entries, and of an entry. */
const RECORD = 24;
const ENTRY = 8;
/** Bits of a mask of windows. */
const BITS = 64;

/** Bytes of a unit's weights in the kernel. */
export function weightBytes({ channels, tapCount }: DifferenceTables): number {
  return tapCount * rowBytes(channels);
}

/** Bytes that a kernel needs. */
export function kernelBytes(tables: DifferenceTables, sizes: DifferenceSizes): number {
  return layoutOf(tables, sizes).bytes;
}

/** Opens a kernel; undefined where vectors are not supported. @param weights `[units, channels, taps]`. */
export function openDifferenceKernel(
  tables: DifferenceTables,
  sizes: DifferenceSizes,
  weights: Float32Array,
): DifferenceKernel | undefined {
  const code = Uint8Array.from(atob(differenceKernelBytes), (letter) => letter.charCodeAt(0));
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(code)) return undefined;
  const { layout, bytes, stride } = layoutOf(tables, sizes);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { layout });
  const { memory, begin, write } = exports as Exports;
  memory.grow(Math.ceil(bytes / PAGE));
  const numbers = new Float32Array(memory.buffer);
  const whole = new Int32Array(memory.buffer);
  putWeights(numbers.subarray(layout.weights / WORD), weights, {
    ...tables,
    width: layout.row / WORD,
    units: sizes.units,
  });
  putTables(whole, tables, layout, stride);
  const { outStep, out } = layout;
  return {
    setSums: (sums) => {
      numbers.set(sums, layout.sumsGiven / WORD);
      begin();
    },
    setChanges: (changes) => numbers.set(changes, layout.changes / WORD),
    write: (units, at) => {
      if (units.length === 0) return;
      whole.set(units, layout.units / WORD);
      write(units.length, at);
    },
    written: (count) => numbers.subarray(out / WORD, (out + count * outStep) / WORD),
  };
}

type Layout = ReturnType<typeof layoutOf>["layout"];

function rowBytes(channels: number): number {
  return Math.ceil(channels / ROW_NUMBERS) * ROW_NUMBERS * WORD;
}

/** What the module imports: sizes and addresses, in bytes. */
function layoutOf(
  { places, channels, tapCount, moved, windows: { starts, entries }, least }: DifferenceTables,
  { units, pairs, changes }: DifferenceSizes,
) {
  const row = rowBytes(channels);
  // What is not taken 24 numbers at a time is none, one or two times 16.
  const narrow = (row / (ROW_NUMBERS * WORD)) % 3;
  const positions = moved.starts.length - 1;
  const windows = starts.length - 1;
  const stride = RECORD + longest(moved, places) * ENTRY;
  let bytes = 0;
  const place = (count: number): number => {
    const at = bytes;
    bytes = (bytes + count + 63) & ~63;
    return at;
  };
  const outStep = channels * windows * WORD;
  const layout = {
    row,
    wide: row - narrow * ROW_NUMBERS * WORD,
    weightStep: tapCount * row,
    changeStep: changes > 1 ? positions * WORD : 0,
    outStep,
    channels,
    places,
    positions,
    windows,
    group: Math.ceil(windows / BITS),
    least,
    weights: place(units * tapCount * row),
    // 64 positions are read at a time.
    changes: place((changes * positions + BITS) * WORD),
    units: place(Math.max(units, pairs) * WORD),
    moved: place((moved.starts.length + moved.entries.length) * WORD),
    pooling: place((starts.length + entries.length) * WORD),
    pointers: place(places * WORD),
    records: place(places * stride),
    touched: place((places + 1) * WORD),
    given: place(atLeastFour(channels) * WORD),
    sumsGiven: place((channels + 4) * places * WORD + 16),
    base: place(atLeastFour(places) * row),
    sums: place(places * row),
    basePooled: place(windows * row),
    pooled: place(windows * row),
    pooledRows: place(atLeastFour(windows) * WORD),
    // The last channels of a row are written past its end.
    out: place(pairs * outStep + (ROW_NUMBERS * windows + 4) * WORD),
  };
  return { layout, bytes, stride };
}

/** What is taken four at a time. */
function atLeastFour(count: number): number {
  return Math.max(4, count);
}

/** Entries of the place that most positions move. */
function longest({ entries }: Lists, places: number): number {
  const counts = Array.from({ length: places }, () => 0);
  for (let i = 0; i < entries.length; i += 2) counts[entries[i]]++;
  return counts.reduce((a, b) => Math.max(a, b), 0);
}

/** `[units, channels, taps]` as a padded row for every tap. */
function putWeights(
  to: Float32Array,
  from: Float32Array,
  { units, channels, tapCount, width }: { units: number; channels: number; tapCount: number; width: number },
): void {
  for (let unit = 0; unit < units; unit++) {
    for (let tap = 0; tap < tapCount; tap++) {
      for (let channel = 0; channel < channels; channel++) {
        to[(unit * tapCount + tap) * width + channel] = from[(unit * channels + channel) * tapCount + tap];
      }
    }
  }
}

function putTables(
  to: Int32Array,
  { places, channels, moved, windows }: DifferenceTables,
  layout: Layout,
  stride: number,
): void {
  const record = (place: number): number => layout.records + place * stride;
  const { row } = layout;
  putLists(to, layout.moved, moved, (entry, i) => (i % 2 === 0 ? record(entry) : entry * row));
  putLists(to, layout.pooling, windows, (place) => layout.pointers + place * WORD);
  for (let place = 0; place < places; place++) {
    const base = layout.base + place * row;
    const pointer = layout.pointers + place * WORD;
    to[pointer / WORD] = base;
    to.set([record(place) + RECORD, pointer, base, 0, 0, 0], record(place) / WORD);
  }
  // The windows that a place is in, each a bit of 64.
  for (let window = 0; window < layout.windows; window++) {
    const bit = Math.floor(window / layout.group);
    for (const place of windows.entries.slice(windows.starts[window], windows.starts[window + 1])) {
      to[record(place) / WORD + 4 + (bit >> 5)] |= 1 << (bit & 31);
    }
  }
  for (let i = 0; i < atLeastFour(channels); i++) {
    to[layout.given / WORD + i] = layout.sumsGiven + Math.min(i, channels - 1) * places * WORD;
  }
  for (let i = 0; i < atLeastFour(layout.windows); i++) {
    to[layout.pooledRows / WORD + i] = layout.basePooled + Math.min(i, layout.windows - 1) * row;
  }
}

/** Starts as addresses, then the entries. */
function putLists(
  to: Int32Array,
  at: number,
  { starts, entries }: Lists,
  entryOf: (entry: number, i: number) => number,
): void {
  const first = at + starts.length * WORD;
  to.set(
    starts.map((start) => first + start * WORD),
    at / WORD,
  );
  to.set(entries.map(entryOf), first / WORD);
}
