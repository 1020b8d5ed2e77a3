/** How wide text is in the page's own font, and text cut to a width. */

let context: CanvasRenderingContext2D | null | undefined;

/** Width in pixels at a font size. */
export function textWidth(text: string, fontSize: number): number {
  context ??= document.createElement("canvas").getContext("2d");
  if (!context) return text.length * fontSize * 0.6;
  context.font = `${fontSize}px ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText(text).width;
}

/** The text, or its beginning with an ellipsis. */
export function fitText(text: string, width: number, fontSize: number): string {
  const characters = [...text.slice(0, 200)];
  if (text.length <= 200 && textWidth(text, fontSize) <= width) return text;
  while (characters.length > 1 && textWidth(`${characters.join("")}…`, fontSize) > width) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}
