/**
 * Asks for a garbage collection. Large weights live outside the JavaScript heap, where the collector does not see their
 * size in time: a network of 250 MB would pass through memory five times before it looked.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Collects now; a few milliseconds. */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
