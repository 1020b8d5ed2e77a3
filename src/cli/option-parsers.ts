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

/** From 0 to 1, both included. */
export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("expected a number from 0 to 1.");
  }
  return value;
}

/** 0 to 65535. */
export function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError("expected a whole number from 0 to 65535.");
  }
  return Number(text);
}
