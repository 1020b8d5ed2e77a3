/** A drop as points of accuracy with two decimals, without a minus sign before zero. */
export function points(drop: number): string {
  return (100 * drop).toFixed(2).replace(/^-(?=0\.00$)/, "");
}
