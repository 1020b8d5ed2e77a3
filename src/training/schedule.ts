/** Learning rate as a function of the step. */
import { UnitscopeError } from "../errors.ts";

/** The schedules by name. */
export const scheduleNames = ["one-cycle", "cosine", "step"] as const;
/** One of them. */
export type ScheduleName = (typeof scheduleNames)[number];

/** A schedule and its height. */
export interface ScheduleOptions {
  readonly schedule: ScheduleName;
  /** The highest learning rate. */
  readonly learningRate: number;
  /** Steps in the whole training. */
  readonly totalSteps: number;
}

/** Share of a one-cycle that climbs. */
const CLIMB = 0.25;

/**
 * The learning rate of one step.
 *
 * `one-cycle` (Smith and Topin 2018): from 1/25 of the highest up to it along a cosine in the first quarter, then down
 * along a cosine to 1/2500 of it. `cosine` (Loshchilov and Hutter 2017): from the highest to 0. `step`: a tenth after
 * half of the steps, a hundredth after three quarters.
 *
 * @param step from 0.
 */
export function learningRateAt(step: number, { schedule, learningRate, totalSteps }: ScheduleOptions): number {
  if (!(step >= 0 && step < totalSteps)) {
    throw new UnitscopeError("value", `learning rate: expected a step in 0..${totalSteps - 1}, got ${step}`);
  }
  const between = (from: number, to: number, share: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
  switch (schedule) {
    case "one-cycle": {
      const top = CLIMB * totalSteps;
      if (step < top) return between(learningRate / 25, learningRate, step / top);
      return between(learningRate, learningRate / 2500, (step - top) / (totalSteps - top));
    }
    case "cosine":
      return between(learningRate, 0, step / totalSteps);
    case "step":
      return learningRate * (step < totalSteps / 2 ? 1 : step < (3 * totalSteps) / 4 ? 0.1 : 0.01);
  }
}
