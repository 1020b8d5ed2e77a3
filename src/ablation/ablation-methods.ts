import { UnitscopeError } from "../errors.ts";

/**
 * What replaces a removed unit's response: 0; its mean; 0 in its weights alone, before batch norm and activation; responses
 * of other images; the constant that changes predictions least.
 */
export const ablationMethods = ["zero", "mean", "weights", "resample", "optimal"] as const;

/** One of them. */
export type AblationMethod = (typeof ablationMethods)[number];

/** Draws of `resample` unless more are asked for. */
const DEFAULT_DRAWS = 3;

/** What replaces a unit, as keys of finished work and manifests name it. */
export function ablationKey({
  method = "zero",
  draws,
  seed = 1,
}: {
  readonly method?: AblationMethod | undefined;
  readonly draws?: number | undefined;
  readonly seed?: number | undefined;
}): { method: AblationMethod; draws?: number; seed?: number } {
  return method === "resample" ? { method, draws: drawsOf({ method, draws }), seed } : { method };
}

/**
 * Other images whose responses take the place of an image's own: none, where the method is another.
 * @throws {UnitscopeError} `usage` for a number that is none.
 */
export function drawsOf({
  method,
  draws = DEFAULT_DRAWS,
}: {
  readonly method?: AblationMethod | undefined;
  readonly draws?: number | undefined;
}): number {
  if (method !== "resample") return 0;
  if (Number.isInteger(draws) && draws >= 1) return draws;
  throw new UnitscopeError("usage", `option "draws": expected a whole number from 1, got ${draws}`);
}
