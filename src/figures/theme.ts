/**
 * Colours and type of all figures, light and dark in one file: the viewer's `prefers-color-scheme` chooses. The series
 * colours are those of Okabe and Ito (2008), which stay apart for colour-blind readers, darkened or lightened where
 * they would be faint on white or on black; series differ in dashes or marks as well.
 */

/** Number of series colours; classes `s0` … (strokes) and `f0` … (fills). */
export const seriesCount = 8;

const lightSeries = ["#0072b2", "#d55e00", "#009e73", "#a8518f", "#b98200", "#3d9ad6", "#4d545c", "#8a5a2b"];
const darkSeries = ["#5aace4", "#ff8f52", "#35cfa0", "#e39bd0", "#f0bb4a", "#9ad1ff", "#b9c0c8", "#cf9f70"];

interface Colours {
  readonly background: string;
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly series: readonly string[];
}

const light: Colours = {
  background: "#ffffff",
  text: "#1f2328",
  muted: "#59636e",
  grid: "#dfe3e8",
  series: lightSeries,
};
const dark: Colours = { background: "#0d1117", text: "#e6edf3", muted: "#9aa4af", grid: "#2b323b", series: darkSeries };

/** How a text is set: size in pixels, weight. */
export interface Font {
  readonly size: number;
  readonly bold: boolean;
}

const plainFont: Font = { size: 11, bold: false };
const fonts: Readonly<Record<string, Partial<Font>>> = {
  title: { size: 15, bold: true },
  panel: { size: 12, bold: true },
  label: { size: 12 },
  small: { size: 10 },
  bold: { bold: true },
};

/** The font of a text with these classes (`muted small`). */
export function fontOf(className: string): Font {
  return className.split(" ").reduce<Font>((font, name) => ({ ...font, ...fonts[name] }), plainFont);
}

/** The style sheet that every figure embeds. */
export const styleSheet: string = [
  `text{font-family:Helvetica,Arial,"Liberation Sans",sans-serif;font-size:${plainFont.size}px}`,
  ...Object.entries(fonts).map(([name, font]) => `.${name}{${fontRules(font)}}`),
  ".none{fill:none}",
  rules(light),
  `@media (prefers-color-scheme:dark){${rules(dark)}}`,
].join("");

function fontRules({ size, bold }: Partial<Font>): string {
  return [size === undefined ? [] : `font-size:${size}px`, bold ? "font-weight:bold" : []].flat().join(";");
}

function rules({ background, text, muted, grid, series }: Colours): string {
  return [
    `text,.text{fill:${text}}.muted{fill:${muted}}.background{fill:${background}}`,
    `.grid{stroke:${grid};stroke-width:1}.axis{stroke:${muted};stroke-width:1}.reference{stroke:${text};stroke-width:1}`,
    `.halo{stroke:${background};stroke-width:3px;paint-order:stroke;stroke-linejoin:round}.shade{fill:${muted}}`,
    ...series.map((colour, index) => `.s${index}{stroke:${colour}}.f${index}{fill:${colour}}`),
  ].join("");
}

/** Series of the kind at `index` where the first is the subject: it has the colour of damage, its control is blue. */
export function mainSeries(index: number): number {
  return index < 2 ? 1 - index : index;
}

/** Stroke class of a series; more series than colours start over. */
export function strokeOf(series: number): string {
  return `s${series % seriesCount}`;
}

/** Fill class of a series. */
export function fillOf(series: number): string {
  return `f${series % seriesCount}`;
}

/** Dashes that tell series apart that share a colour, and neighbours without colour. */
export function dashOf(series: number): string | undefined {
  return [undefined, "7 3", "2 2.5", "9 3 2 3"][Math.floor(series / seriesCount) % 4];
}
