/** Linear scales and round tick values (steps of 1, 2 or 5 times a power of ten). */

/** Values to pixels. */
export type Scale = (value: number) => number;

/** The linear map that takes `domain` to `range`; a domain of one value goes to the middle. */
export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [low, high] = domain;
  const [start, end] = range;
  if (high === low) return () => (start + end) / 2;
  return (value) => start + ((value - low) / (high - low)) * (end - start);
}

/** Round values inside `[low, high]`, about `count` of them and at least two. */
export function ticksOf(low: number, high: number, count: number = 5): number[] {
  if (!(high > low)) return [low];
  const step = tickStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  if (last <= first && count < 50) return ticksOf(low, high, count + 1);
  return Array.from({ length: last - first + 1 }, (_, at) => roundTo((first + at) * step, step));
}

/** `[low, high]` widened to round values. */
export function niceDomain(low: number, high: number, count: number = 5): [number, number] {
  if (!(high > low)) return low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, low)];
  const step = tickStep(high - low, count);
  return [roundTo(Math.floor(low / step + 1e-9) * step, step), roundTo(Math.ceil(high / step - 1e-9) * step, step)];
}

/** Smallest and largest finite value of all series and `include`. */
export function extentOf(series: Iterable<Iterable<number>>, include: readonly number[] = []): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const values of [...series, include]) {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low > high ? [0, 1] : [low, high];
}

/** A number for a tick or a label: as many decimals as it needs up to six digits, a real minus sign. */
export function formatNumber(value: number, decimals?: number): string {
  const text = decimals === undefined ? String(clean(value)) : value.toFixed(decimals);
  return (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text).replace("-", "−");
}

/** Accuracy differences as percentage points: 0.1 → `10`. */
export function formatPoints(value: number, decimals?: number): string {
  return formatNumber(value * 100, decimals);
}

function tickStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = rough / power;
  return power * (factor >= 7.07 ? 10 : factor >= 3.16 ? 5 : factor >= 1.41 ? 2 : 1);
}

/** Removes the rounding noise of `3 * 0.1`, given a step of 1, 2 or 5 times a power of ten. */
function roundTo(value: number, step: number): number {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return Number(value.toFixed(Math.min(100, decimals)));
}

function clean(value: number): number {
  return Number(value.toPrecision(10));
}
