// A worker for tests: doubles numbers after some milliseconds, and fails where it is told to.

import { UnitscopeError } from "../../dist/errors.js";
import { serveWorker } from "../../dist/runtime/worker-pool.js";

await serveWorker(async ({ failsAtSetup }) => {
  if (failsAtSetup) throw new UnitscopeError("model", "model: expected to open, got told not to");
  return async ({ number, waitMs, fails }) => {
    await new Promise((wake) => setTimeout(wake, waitMs ?? 0));
    if (fails === "known") throw new UnitscopeError("value", "image 3: expected a number, got NaN");
    if (fails === "unknown") throw new TypeError("x is not a function");
    return { result: 2 * number };
  };
});
