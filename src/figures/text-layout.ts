/**
 * Text without a browser: how wide it will be, cut to fit, broken into lines. Widths are those of DejaVu Sans, the
 * widest of the fonts that viewers commonly fall back to; in Helvetica or Arial the same text is narrower.
 */
import { boldWidths, regularWidths } from "./font-widths.ts";
import { escapeText, tag } from "./svg.ts";
import { fontOf } from "./theme.ts";

const unitsPerEm = 2048;
const widths = { regular: widthTable(regularWidths), bold: widthTable(boldWidths) };
/** Renderers that place letters on whole pixels draw small text a little wider than the font says. */
const hinting = 1.03;

/** Width in pixels of text with classes of the theme (`muted small`); an upper bound in common fonts. */
export function textWidth(text: string, className: string = ""): number {
  const { size, bold } = fontOf(className);
  const table = bold ? widths.bold : widths.regular;
  let units = 0;
  for (const character of text) units += table.get(character) ?? foreignWidth(character);
  return (units / unitsPerEm) * size * hinting;
}

/** The text, or its beginning with an ellipsis, so that it fits into `width` pixels. */
export function fitText(text: string, width: number, className: string = ""): string {
  if (textWidth(text, className) <= width) return text;
  const characters = Array.from(text);
  while (characters.length > 1 && textWidth(`${characters.join("").trimEnd()}…`, className) > width) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/** The text, or both its ends around an ellipsis, for names that differ in their last characters. */
export function fitEnds(text: string, width: number, className: string = ""): string {
  if (textWidth(text, className) <= width) return text;
  const characters = Array.from(text);
  for (let kept = characters.length - 1; kept > 2; kept--) {
    const [head, tail] = [Math.ceil(kept / 2), Math.floor(kept / 2)];
    const cut = `${characters.slice(0, head).join("")}…${characters.slice(-tail).join("")}`;
    if (textWidth(cut, className) <= width) return cut;
  }
  return fitText(text, width, className);
}

/**
 * Breaks text at spaces into lines of at most `width` pixels; a word that is longer than a line is broken where the
 * line ends.
 * @param lines at most so many lines: the last one then ends in an ellipsis.
 */
export function wrapText(
  text: string,
  width: number,
  { className = "", lines: most = Infinity }: { className?: string; lines?: number } = {},
): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (textWidth(longer, className) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    const pieces = breakWord(word, width, className);
    line = pieces.pop() ?? "";
    lines.push(...pieces);
  }
  if (line !== "") lines.push(line);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), fitText(lines.slice(most - 1).join(" "), width, className)];
}

/** How a text element is placed. */
export interface TextOptions {
  readonly anchor?: "start" | "middle" | "end";
  /** Classes of the theme (`muted`, `label`, `bold`). */
  readonly className?: string;
  /** Cut to this width; the whole text is then in a tooltip. */
  readonly width?: number;
  /** What is kept of a text that is cut: its beginning, or both ends. */
  readonly keep?: "start" | "ends";
  /** Degrees clockwise around the point. */
  readonly rotate?: number;
}

/** A text element with its baseline at (x, y). */
export function textAt(x: number, y: number, text: string, options: TextOptions = {}): string {
  const { anchor, className, width, rotate, keep = "start" } = options;
  const fit = keep === "ends" ? fitEnds : fitText;
  const shown = width === undefined ? text : fit(text, width, className);
  const tooltip = shown === text ? [] : [tag("title", {}, escapeText(text))];
  const place =
    rotate === undefined ? { x, y } : { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${rotate})` };
  return tag(
    "text",
    { ...place, "text-anchor": anchor === "start" ? undefined : anchor, class: className },
    escapeText(shown),
    ...tooltip,
  );
}

/** Pieces of a word that each fit, one character at least. */
function breakWord(word: string, width: number, className: string): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const character of word) {
    if (piece !== "" && textWidth(piece + character, className) > width) {
      pieces.push(piece);
      piece = "";
    }
    piece += character;
  }
  return [...pieces, piece];
}

/** What another font will draw a character as: nothing for marks over letters, a full square, or a wide picture. */
function foreignWidth(character: string): number {
  if (/^\p{M}$/u.test(character)) return 0;
  return (/^\p{Extended_Pictographic}$/u.test(character) ? 1.3 : 1) * unitsPerEm;
}

function widthTable(rows: readonly (readonly [number, string])[]): ReadonlyMap<string, number> {
  return new Map(rows.flatMap(([width, characters]) => Array.from(characters, (character) => [character, width])));
}
