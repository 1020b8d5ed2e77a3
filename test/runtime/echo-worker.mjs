// Work for tests: doubles numbers after some milliseconds, and fails where it is told to.

import { UnitscopeError } from "../../dist/errors.js";

export const echoWork = {
  module: import.meta.url,
  name: "echoWork",
  open: async ({ failsAtSetup }) => {
    if (failsAtSetup) throw new UnitscopeError("model", "model: expected to open, got told not to");
    return async ({ number, waitMs, fails }, report) => {
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
