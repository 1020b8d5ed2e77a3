/**
 * What replaces a removed unit's response: 0; its mean; 0 in its weights alone, before batch norm and activation; responses
 * of other images; the constant that changes predictions least.
 */
export const ablationMethods = ["zero", "mean", "weights", "resample", "optimal"] as const;

/** One of them. */
export type AblationMethod = (typeof ablationMethods)[number];

/** Draws of `resample` unless more are asked for. */
export const DEFAULT_DRAWS = 3;
