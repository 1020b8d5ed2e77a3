/**
 * Text without a browser: how wide it will be, cut to fit, broken into lines. Widths are those of Helvetica (which
 * Arial and Liberation Sans share) with a margin for wider fallback fonts.
 */
import { escapeText, tag } from "./svg.ts";

const widths: Readonly<Record<string, number>> = widthTable([
  [222, "ijl'"],
  [278, " !,./:;I[]\\ft|"],
  [333, "()-r`"],
  [500, "ckvsxyzJ"],
  [556, "abdeghnopquL0123456789?_$#"],
  [584, "+<=>~−×±"],
  [611, "FTZ"],
  [667, "ABEKPSVXY&"],
  [722, "CDHNRUw"],
  [778, "GOQ"],
  [833, "mM"],
  [889, "%"],
  [944, "W"],
  [1015, "@"],
]);
const safety = 1.07;

/** Estimated width in pixels; never much too small. */
export function textWidth(text: string, fontSize: number = 11, { bold = false }: { bold?: boolean } = {}): number {
  let thousandths = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    thousandths += widths[character] ?? (code < 0x2000 ? 620 : 1000);
  }
  return (thousandths / 1000) * fontSize * safety * (bold ? 1.08 : 1);
}

/** The text, or its beginning with an ellipsis, so that it fits into `width` pixels. */
export function fitText(text: string, width: number, fontSize: number = 11): string {
  if (textWidth(text, fontSize) <= width) return text;
  const characters = [...text];
  while (characters.length > 1 && textWidth(`${characters.join("").trimEnd()}…`, fontSize) > width) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/** Breaks text at spaces into lines of at most `width` pixels; a longer word is cut. */
export function wrapText(text: string, width: number, fontSize: number = 11): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer, fontSize) > width) {
      lines.push(line);
      line = fitText(word, width, fontSize);
    } else line = line === "" ? fitText(word, width, fontSize) : longer;
  }
  return line === "" ? lines : [...lines, line];
}

/** How a text element is placed. */
export interface TextOptions {
  readonly anchor?: "start" | "middle" | "end";
  /** Classes of the theme (`muted`, `label`, `bold`). */
  readonly className?: string;
  /** Cut to this width; the whole text is then in a tooltip. */
  readonly width?: number;
  readonly fontSize?: number;
  /** Degrees clockwise around the point. */
  readonly rotate?: number;
}

/** A text element with its baseline at (x, y). */
export function textAt(x: number, y: number, text: string, options: TextOptions = {}): string {
  const { anchor, className, width, fontSize = 11, rotate } = options;
  const shown = width === undefined ? text : fitText(text, width, fontSize);
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

function widthTable(rows: readonly (readonly [number, string])[]): Record<string, number> {
  return Object.fromEntries(rows.flatMap(([width, characters]) => [...characters].map((c) => [c, width])));
}
