/** The layouts of a tensor in a blocked training step: plain `[N, C, H, W]`, in blocks of channels, or as rows of a matrix. */
import type { Node } from "../../onnx/graph.ts";
import type { GraphBuilder } from "../graph-builder.ts";

/** The runtime's domain of blocked operators. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

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
  /** The node that alone reads a source tensor, if there is one and the tensor is not kept. */
  onlyReader(tensor: string): Node | undefined;
  /** Whether a source tensor has been computed by what was emitted so far. */
  isReady(tensor: string): boolean;
  /** Marks a source node as done together with another. */
  skip(node: Node): void;
}
