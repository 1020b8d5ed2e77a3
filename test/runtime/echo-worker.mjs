// Work for tests: doubles numbers after some milliseconds, says which thread it is, and fails where it is told to.

import { threadId } from "node:worker_threads";
import { UnitscopeError } from "../../dist/errors.js";
import { holdUntilEnd } from "../../dist/runtime/thread-holdings.js";

export const echoWork = {
  module: import.meta.url,
  name: "echoWork",
  open: async ({ failsAtSetup, holds }) => {
    if (holds) holdUntilEnd();
    if (failsAtSetup) throw new UnitscopeError("model", "model: expected to open, got told not to");
    return async ({ number, waitMs, fails, who }, report) => {
      if (who) return threadId;
      for (let waited = 0; waited < (waitMs ?? 0); waited += 100) {
        await new Promise((wake) => setTimeout(wake, Math.min(100, waitMs - waited)));
        report(waited / waitMs);
      }
      if (fails === "known") throw new UnitscopeError("value", "image 3: expected a number, got NaN");
      if (fails === "unknown") throw new TypeError("x is not a function");
      return 2 * number;
    };
  },
};
