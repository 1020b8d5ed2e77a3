/** How options' values are read. Each throws what commander shows in one line, naming the option and the value. */
import { InvalidArgumentError } from "commander";

/** `a,b, c`. */
export function list(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("expected names separated by commas.");
  return names;
}

/** 0, 1, 2 … */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("expected a whole number.");
  return Number(text);
}

/** 1, 2, 3 … */
export function count(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError("expected a whole number from 1.");
  return Number(text);
}

/** From 0 to 1, both included. */
export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("expected a number from 0 to 1.");
  }
  return value;
}

/** Height and width in pixels: `224`, `224x320`. */
export function imageSize(text: string): readonly [height: number, width: number] {
  const [, height, width = height] = /^([1-9]\d{0,4})(?:[x×]([1-9]\d{0,4}))?$/.exec(text.trim()) ?? [];
  if (height === undefined)
    throw new InvalidArgumentError("expected pixels such as 224, or height and width: 224x320.");
  return [Number(height), Number(width)];
}

/** 0 to 65535. */
export function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError("expected a whole number from 0 to 65535.");
  }
  return Number(text);
}

/** `90s`, `10m`, `1h30m`; seconds. */
export function seconds(text: string): number {
  const [, hours = 0, minutes = 0, rest = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text.trim()) ?? [];
  const value = 3600 * Number(hours) + 60 * Number(minutes) + Number(rest);
  if (!(value > 0)) throw new InvalidArgumentError("expected a time such as 90s, 10m or 1h30m.");
  return value;
}

/** Above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError("expected a number above 0.");
  }
  return value;
}
