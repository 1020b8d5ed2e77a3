/** Numbers as the page writes them. */

/** A drop in percentage points: `8.6`, `−0.4`. */
export function points(drop: number, decimals: number = 1): string {
  if (!Number.isFinite(drop)) return "–";
  const text = (100 * drop).toFixed(decimals);
  return (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text).replace("-", "−");
}

/** A share as a percentage. */
export function percent(share: number, decimals: number = 1): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(decimals)} %` : "–";
}

/** A probability or q-value. */
export function probability(p: number): string {
  if (!Number.isFinite(p)) return "–";
  return p < 0.001 ? "< 0.001" : p.toPrecision(2);
}

/** A count with separators. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** Three significant digits. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const text =
    value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)
      ? String(Number(value.toPrecision(3)))
      : value.toExponential(2);
  return text.replace("-", "−");
}

/** `1 image`, `2 images`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;
}
