/**
 * A kernel for what removing one unit changes: the unit's contribution is taken off sums of the intact network, only where
 * its response is not zero, and what comes out is pooled. One pass over numbers that stay in the cache takes the place of
 * five operators of a runtime, each of which writes a tensor to memory.
 *
 * It is WebAssembly (`difference-kernel.wat`) because the rows are short and JavaScript has no vectors.
 */
import { differenceKernelBytes } from "./difference-kernel-bytes.ts";

/** Rows hold whole multiples of so many numbers. */
export const ROW_NUMBERS = 16;

/** An opened kernel; addresses are byte offsets into its memory. */
export interface DifferenceKernel {
  readonly memory: ArrayBuffer;
  copy(to: number, from: number, bytes: number): void;
  /**
   * Takes `change[p] · weights[tap]` off row `place` of the sums, for all pairs (place, tap) of every position p.
   * @param starts address of `positions + 1` addresses of pairs; a pair is the offsets of two rows, in bytes.
   * @param row bytes of a row, a multiple of 64.
   */
  take(change: number, positions: number, starts: number, weights: number, sums: number, row: number): void;
  /**
   * Writes the largest number of every channel in every window of rows, `least` at least.
   * @param starts address of `windows + 1` addresses of offsets of rows. @param row bytes of channels, a multiple of 64.
   */
  gather(
    sums: number,
    starts: number,
    windows: number,
    row: number,
    least: number,
    out: number,
    windowStep: number,
    channelStep: number,
  ): void;
}

// The types of the language's libraries know it for browsers only.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
};

const PAGE = 1 << 16;

/** Opens the kernel with a memory of its own; undefined where vectors are not supported. @param bytes that are needed. */
export function openDifferenceKernel(bytes: number): DifferenceKernel | undefined {
  const code = Uint8Array.from(atob(differenceKernelBytes), (letter) => letter.charCodeAt(0));
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(code)) return undefined;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const { memory, copy, take, gather } = exports as Omit<DifferenceKernel, "memory"> & {
    memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  };
  memory.grow(Math.ceil(bytes / PAGE));
  return { memory: memory.buffer, copy, take, gather };
}
