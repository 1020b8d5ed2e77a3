/** SVG as text: elements, escaping, and numbers with two decimals, so that equal figures are equal byte by byte. */

/** Attributes of an element; `undefined` leaves one out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element with its children. */
export function tag(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? decimal(value) : escapeText(String(value))}"`)
    .join("");
  const content = children.join("");
  return content === "" ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

/** A number for SVG: two decimals at most, no negative zero. */
export function decimal(value: number): string {
  const rounded = Math.round(value * 100) / 100;
  return String(rounded === 0 ? 0 : rounded);
}

/** Text for element content and attribute values. Characters that XML 1.0 cannot hold become a replacement character. */
export function escapeText(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A point of a path, in pixels. */
export type Point = readonly [x: number, y: number];

/** Path data of a polyline; points that are not finite interrupt it. */
export function linePath(points: readonly Point[]): string {
  let path = "";
  let drawing = false;
  for (const [x, y] of points) {
    const there = Number.isFinite(x) && Number.isFinite(y);
    if (there) path += `${drawing ? "L" : "M"}${decimal(x)},${decimal(y)}`;
    drawing = there;
  }
  return path;
}

/** Path data of the area between two polylines of the same length; points where either is not finite are left out. */
export function bandPath(upper: readonly Point[], lower: readonly Point[]): string {
  const runs: number[][] = [[]];
  for (const [at, [x, y]] of upper.entries()) {
    const there = Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(lower[at]?.[1]);
    if (there) runs.at(-1)?.push(at);
    else runs.push([]);
  }
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const forth = run.map((at) => upper[at]);
      const back = run.map((at) => lower[at]).reverse();
      return `${linePath([...forth, ...back])}Z`;
    })
    .join("");
}
