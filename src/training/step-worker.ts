/** The work that computes: it holds the parameters, runs steps and tests on request, and gives the parameters back. */

import { openSession, type Provider, type Session, type Value } from "../runtime/session.ts";
import type { Work } from "../runtime/work.ts";

/** What the thread starts from. */
export interface StepWorkerSetup {
  /** Models as bytes. */
  readonly step: Uint8Array;
  readonly test: Uint8Array;
  readonly threads: number;
  readonly provider: Provider;
  /** Parameters and velocities, by the names of the step graph's inputs. */
  readonly state: ReadonlyMap<string, Value>;
}

/** What it can be asked for. */
export type StepTask =
  | { readonly kind: "step"; readonly feeds: Readonly<Record<string, Value>> }
  | { readonly kind: "test"; readonly feeds: Readonly<Record<string, Value>> }
  | { readonly kind: "state" };

/** What it answers. */
export type StepResult =
  | { readonly kind: "step"; readonly loss: number; readonly correct: number }
  | { readonly kind: "test"; readonly logits: Float32Array }
  | { readonly kind: "state"; readonly state: ReadonlyMap<string, Value> };

/** Steps and tests. */
export const stepWork: Work<StepWorkerSetup, StepTask, StepResult> = {
  module: import.meta.url,
  name: "stepWork",
  open: async ({ step, test, threads, provider, state }) => {
    const stepSession = await openSession(step, { threads, provider, place: "training step" });
    const testSession = await openSession(test, { threads, provider, place: "test of the network" });
    const current = new Map(state);
    const parametersOf = (session: Session): Record<string, Value> =>
      Object.fromEntries([...current].filter(([name]) => session.inputNames.includes(name)));
    return async (task): Promise<StepResult> => {
      if (task.kind === "state") return { kind: "state", state: current };
      if (task.kind === "test") {
        const { logits } = await testSession.run({ ...task.feeds, ...parametersOf(testSession) });
        return { kind: "test", logits: logits?.data as Float32Array };
      }
      const { loss, correct, ...next } = await stepSession.run({ ...task.feeds, ...parametersOf(stepSession) });
      for (const [name, value] of Object.entries(next)) current.set(name.replace(/^new\//, ""), value);
      const scalar = (value: Value | undefined): number => Number(value?.data[0]);
      return { kind: "step", loss: scalar(loss), correct: scalar(correct) };
    };
  },
};
