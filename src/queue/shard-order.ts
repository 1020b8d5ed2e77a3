/** What a worker and its child processes say to each other. */
import type { Workable } from "./examine-plan.ts";

/** What a child is told to do. */
export interface ShardOrder extends Pick<Workable, "path" | "places"> {
  readonly workers: number | undefined;
  readonly shard: number;
}

/** What asks it to end. */
export const END = "end";

/** What it says to an order. */
export interface ShardAnswer {
  readonly error: string | null;
  /** Bytes that it holds. */
  readonly memory: number;
}
