/**
 * Figure 2: the class drops of chosen units, sorted, one panel per unit; drops that survive the false-discovery control
 * are filled and starred.
 *
 * Sign: positive means damage; `sign: "paper"` draws accuracy after minus before and says so.
 */

import { withCommas } from "../numeric/with-commas.ts";
import { type Bar, barsHeight, drawBars } from "./bars.ts";
import { drawEmpty, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { extentOf, formatPoints } from "./scale.ts";
import { type DropSign, dropAxisLabel, dropFactor, signSentence } from "./sign.ts";
import { textWidth } from "./text-layout.ts";

/** One class under the ablation of a unit; drops are fractions, NaN where the class has no image. */
export interface ClassDrop {
  readonly name: string;
  readonly drop: number;
  /** Benjamini–Hochberg q-value, where it was computed. */
  readonly qValue?: number;
}

/** One unit with the drops of all classes, in any order. */
export interface UnitClassDrops {
  readonly layer: string;
  readonly unit: number;
  readonly overall: number;
  readonly classes: readonly ClassDrop[];
}

/** Draws figure 2; of more than `maxBars` classes those in the middle are summed up in one line. */
export function unitDropsFigure(
  units: readonly UnitClassDrops[],
  {
    sign = "damage",
    alpha = 0.05,
    maxBars = 24,
    source,
    imagesPerClass = Infinity,
  }: {
    sign?: DropSign;
    alpha?: number;
    maxBars?: number;
    source?: string;
    /** Images of the class that has most; one is told of. */
    imagesPerClass?: number;
  } = {},
): string {
  const factor = dropFactor(sign);
  const tested = units.some(({ classes }) => classes.some(({ qValue }) => qValue !== undefined));
  const domain = extentOf(
    units.map(({ classes, overall }) => [...classes.map(({ drop }) => drop * factor), overall * factor]),
    [0],
  );
  const rows = units.map(({ classes }) => classBars(classes, { factor, alpha, maxBars, tested }));
  const widest = Math.max(0, ...rows.flat().map(({ name, value }) => (value === undefined ? 0 : textWidth(name))));
  const columns = Math.max(1, Math.min(units.length, widest > 200 ? 1 : widest > 100 ? 2 : 3));
  const panels = units.map(({ layer, unit, overall, classes }, at): Panel => {
    const bars = rows[at] ?? [];
    return {
      title: `${layer}, unit ${unit}`,
      draw: (box) =>
        classes.length === 0
          ? drawEmpty(box, "This unit has no class drops.")
          : drawBars(box, bars, {
              domain: domain[0] === domain[1] ? [0, 0.01] : domain,
              label: dropAxisLabel("class drop", sign),
              format: (drop) => formatPoints(drop),
              reference: overall * factor,
            }),
    };
  });
  const legend: LegendEntry[] = tested
    ? [
        { label: `damage that survives (q\u00a0≤\u00a0${alpha}), *`, series: 1, mark: "box" },
        { label: `gain that survives (q\u00a0≤\u00a0${alpha}), *`, series: 0, mark: "box" },
        { label: "within what chance does", series: 6, mark: "outline" },
        { label: "overall drop", series: 6, mark: "line", dash: "4 3" },
      ]
    : [
        { label: "damage", series: 1, mark: "box" },
        { label: "gain", series: 0, mark: "box" },
        { label: "overall drop", series: 6, mark: "line", dash: "4 3" },
      ];
  const empty: Panel = { draw: (box) => drawEmpty(box, "No unit was chosen.") };
  const notes = [
    ...(tested ? [] : ["This run carries no significance test: small drops may be chance."]),
    ...(imagesPerClass <= 1 ? ["One image a class: a bar says what became of that image."] : []),
  ];
  return renderFigure({
    title: "Which classes a unit matters to",
    subtitle: `${source === undefined ? "" : `${source}. `}Drop in accuracy of every class when one unit is removed. ${signSentence(sign)}`,
    legend: panels.length === 0 ? [] : legend,
    panels: panels.length === 0 ? [empty] : panels,
    columns,
    panelHeight: 20 + (panels.length === 0 ? 100 : barsHeight(Math.max(4, ...rows.map((bars) => bars.length)))),
    ...(panels.length > 0 && { note: notes.join(" ") }),
  });
}

/** Bars of one unit, the largest drop first. */
export function classBars(
  classes: readonly ClassDrop[],
  { factor, alpha, maxBars, tested }: { factor: 1 | -1; alpha: number; maxBars: number; tested: boolean },
): Bar[] {
  const sorted = classes.filter(({ drop }) => Number.isFinite(drop)).sort((a, b) => b.drop - a.drop);
  const withoutImages = classes.length - sorted.length;
  const last: Bar[] =
    withoutImages === 0 ? [] : [{ name: `${counted(withoutImages, "class", "classes")} without images` }];
  const bars = sorted.map(({ name, drop, qValue }): Bar => {
    const survives = qValue !== undefined && qValue <= alpha;
    return {
      name,
      value: drop * factor,
      series: tested && !survives ? 6 : drop < 0 ? 0 : 1,
      pale: tested && !survives,
      text: `${formatPoints(drop * factor, 1)}${survives ? " *" : ""}`,
    };
  });
  if (bars.length <= maxBars) return [...bars, ...last];
  return [...shortened(sorted, bars, { factor, alpha, maxBars }), ...last];
}

/** The classes that changed most at both ends, and lines that count those between them. */
function shortened(
  sorted: readonly ClassDrop[],
  bars: readonly Bar[],
  { factor, alpha, maxBars }: { factor: 1 | -1; alpha: number; maxBars: number },
): Bar[] {
  const damaged = sorted.filter(({ drop }) => drop > 0).length;
  const gained = sorted.filter(({ drop }) => drop < 0).length;
  const unchanged = sorted.length - damaged - gained;
  const room = maxBars - (unchanged > 0 ? 2 : 1);
  const fifth = room < 2 ? 0 : Math.max(1, Math.floor(room / 5)); // for the smaller side at least, where it has so many
  const share = Math.round((room * damaged) / Math.max(1, damaged + gained));
  const head =
    damaged + gained <= room ? damaged : Math.min(damaged, room - Math.min(fifth, gained), Math.max(fifth, share));
  const tail = Math.min(gained, room - head);
  const hidden = sorted.slice(head, sorted.length - tail);
  const moved = hidden.filter(({ drop }) => drop !== 0);
  const lines: string[] = [];
  if (moved.length > 0) {
    const from = formatPoints((moved.at(-1)?.drop ?? 0) * factor, 1);
    const to = formatPoints((moved[0]?.drop ?? 0) * factor, 1);
    const survivors = moved.filter(({ qValue }) => qValue !== undefined && qValue <= alpha).length;
    const starred = survivors === 0 ? "" : `, ${survivors} with *`;
    lines.push(`… ${counted(moved.length, "more class", "more classes")}, ${to} to ${from}${starred}`);
  }
  if (unchanged > 0) lines.push(`… ${counted(unchanged, "class", "classes")} without a net change`);
  return [...bars.slice(0, head), ...lines.map((name) => ({ name })), ...bars.slice(bars.length - tail)];
}

function counted(count: number, one: string, many: string): string {
  return `${withCommas(count)} ${count === 1 ? one : many}`;
}
