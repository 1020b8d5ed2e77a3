/** The layouts of a tensor in a blocked training step: plain `[N, C, H, W]`, in blocks of channels, or as rows of a matrix. */
import type { Node } from "../../onnx/graph.ts";
import type { GraphBuilder } from "../graph-builder.ts";

/** The runtime's domain of blocked operators. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

/** All positions of a tensor by their remainders at the strides: `[N, s·s·C, ⌈H/s⌉, ⌈W/s⌉]` in blocks, phase by phase. */
export interface Phases {
  readonly tensor: string;
  readonly strides: readonly [number, number];
}

/** The layouts that a source tensor is available in. */
export interface Layouts {
  readonly target: GraphBuilder;
  /** Channels per block. */
  readonly block: number;
  /** The tensor as the source has it. */
  plain(tensor: string): string;
  /** The tensor in blocks; `undefined` if its channels do not divide into blocks. */
  blocked(tensor: string): string | undefined;
  /** Whether the tensor is in blocks already. */
  isBlocked(tensor: string): boolean;
  /** The tensor as a matrix `[N·H·W, C]`. */
  rows(tensor: string): string;
  /** Records what the blocked form of a source tensor is. */
  setBlocked(tensor: string, blocked: string): void;
  /** The phases of a tensor at these strides (`blocked-input-gradient.ts`), if they are known and the whole is not. */
  phases(tensor: string, strides: readonly [number, number]): string | undefined;
  /** Records the phases of a source tensor; the whole is put together where it is asked for. */
  setPhases(tensor: string, phases: Phases): void;
  /** What was made under a key, made once. */
  once(key: string, make: () => string): string;
  /** The node that alone reads a source tensor, if there is one and the tensor is not kept. */
  onlyReader(tensor: string): Node | undefined;
  /** Whether a source tensor has been computed by what was emitted so far. */
  isReady(tensor: string): boolean;
  /** Marks a source node as done together with another. */
  skip(node: Node): void;
}

/** Emits a node in blocked form, or returns `false` where there is none. */
export type BlockedRule = (node: Node, layouts: Layouts) => boolean;
