/**
 * The interval of a difference of two independent estimates from their own intervals, however these were made and
 * whether or not they are symmetric: the method of variance estimates recovery (Newcombe, "Interval estimation for the
 * difference between independent proportions", 1998, method 10; Zou and Donner, "Construction of confidence limits about
 * effect measures: a general approach", 2008).
 */
import type { Estimate } from "./nested-bootstrap.ts";

/** `first` − `second`. Its level is theirs; ends are `NaN` where one of them has none. */
export function differenceInterval(first: Estimate, second: Estimate): Estimate {
  const value = first.value - second.value;
  return {
    value,
    low: value - Math.hypot(first.value - first.low, second.high - second.value),
    high: value + Math.hypot(first.high - first.value, second.value - second.low),
  };
}
