import { expect, test } from "vitest";
import { ablationKey } from "../../src/ablation/ablation-methods.ts";
import { checkWorkers, chooseThreads, chooseWorkers } from "../../src/passes/thread-choice.ts";
import { modelFromBytes } from "../../src/runtime/open-model.ts";
import { handNetwork } from "../cli/hand-network.ts";

test.each([0, -1, 1.5, Number.NaN])("%s workers are refused, for the library's callers too", async (workers) => {
  const refusal = `option "workers": expected a whole number from 1, got ${workers}`;
  const model = await modelFromBytes(handNetwork());
  expect(() => chooseThreads(model, { workers })).toThrow(refusal);
  expect(() => chooseWorkers(workers)).toThrow(refusal);
  expect(() => checkWorkers({ workers, provider: "webgpu" })).toThrow(refusal);
  expect(chooseThreads(model, { workers: 3 })).toEqual({ workers: 3, threads: 1 });
});

test("resampling from no image is refused; other methods do not ask", () => {
  expect(() => ablationKey({ method: "resample", draws: 0 })).toThrow(
    'option "draws": expected a whole number from 1, got 0',
  );
  expect(ablationKey({ method: "zero", draws: 0 })).toEqual({ method: "zero" });
});
