/** Which sequences of sets can be asked for. */

/** `attributes`: ranked once by every attribute that the run holds. */
export const setStrategies = ["greedy", "single", "attributes", "random", "keep"] as const;
/** One of them. */
export type SetStrategy = (typeof setStrategies)[number];
