/**
 * Figure 7: are single units special directions? Max class drop and overall drop of a layer's units, sorted, beside
 * those of the directions of rotated bases, with bands over seeds. One row per layer.
 *
 * Sign: positive means damage; `sign: "paper"` draws accuracy after minus before and says so.
 */
import { axisDomain, beyondNote, type Cut, clampTo, cutBy, edgeMark, oneImageReason } from "./axis-domain.ts";
import { bandNote, countedLabel, type SampledKind } from "./band-note.ts";
import { type Curve, drawCurves, rankBand, ranksOf, rankTicks } from "./curves.ts";
import { type Box, drawEmpty, drawPlot, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { formatPoints, niceDomain } from "./scale.ts";
import { type DropSign, dropAxisLabel, dropFactor, signSentence } from "./sign.ts";
import { dashOf, fillOf, mainSeries } from "./theme.ts";

/** Drops of the directions of one kind of basis; one array per seed (one seed for units and `pca`), in any order. */
export interface BasisDrops {
  /** `units`, `random directions`, `rotated half way (t = 0.5)`, `principal components`. */
  readonly label: string;
  readonly max: readonly ArrayLike<number>[];
  readonly overall: readonly ArrayLike<number>[];
}

/** One layer; the same bases in the same order for every layer of a figure. */
export interface RotationDrops {
  readonly layer: string;
  readonly bases: readonly BasisDrops[];
}

/** How a figure of max class drops is drawn. */
export interface DropFigureOptions {
  readonly sign?: DropSign;
  readonly source?: string;
  /** Images of the class that has most; with one, max class drops are not drawn. */
  readonly imagesPerClass?: number;
}

/** Draws figure 7; with the same axes as those of `beside`, where layers of other networks are to be compared. */
export function rotationFigure(
  layers: readonly RotationDrops[],
  {
    sign = "damage",
    source,
    imagesPerClass = Infinity,
    beside,
  }: DropFigureOptions & { beside?: readonly RotationDrops[] } = {},
): string {
  const sharedDomain = (kind: "max" | "overall"): readonly [number, number] | undefined => {
    if (!beside) return undefined;
    const samples = [...layers, ...beside].flatMap(({ bases }) => bases.flatMap((basis) => basis[kind]));
    const { low, high } = axisDomain(
      samples.map((sample) => Array.from(sample, (drop) => drop * dropFactor(sign))),
      [0],
    );
    return niceDomain(low, high, 6);
  };
  const labels = [...new Set(layers.flatMap(({ bases }) => bases.map(({ label }) => label)))];
  const kinds = labels.map(
    (label): SampledKind => ({
      label,
      places: layers.map(({ layer, bases }) => ({
        place: layer,
        samples: bases.find((basis) => basis.label === label)?.max.length ?? 0,
      })),
    }),
  );
  const legend = kinds.map(
    (kind, series): LegendEntry => ({
      label: countedLabel(kind, "seed"),
      series: mainSeries(series),
      mark: "line",
      dash: controlDash(mainSeries(series)),
    }),
  );
  const cuts: Cut[] = [];
  const panels = layers.flatMap(({ layer, bases }): Panel[] =>
    (["max", "overall"] as const).map((kind) => {
      const title = `${layer}: ${kind === "max" ? "max class drop" : "overall drop"}`;
      if (kind === "max" && imagesPerClass <= 1) return { title, draw: (box) => drawEmpty(box, oneImageReason) };
      const ranked = rankedPlot(
        bases.map((basis) => ({
          series: mainSeries(labels.indexOf(basis.label)),
          samples: basis[kind],
        })),
        {
          sign,
          what: kind === "max" ? "max class drop" : "overall drop",
          ranked: "units or directions, sorted",
          domain: sharedDomain(kind),
        },
      );
      cuts.push(ranked.cut);
      return { title, draw: ranked.draw };
    }),
  );
  const note = [bandNote(kinds, "seed"), beyondNote(cuts, "drop")].filter((sentence) => sentence !== "").join(" ");
  const empty: Panel = { draw: (box) => drawEmpty(box, "No rotation was measured; run: unitscope rotate RUN") };
  return renderFigure({
    title: "Are single units special directions?",
    subtitle: `${source === undefined ? "" : `${source}. `}Drops of removing one unit, and of removing one direction of a rotated basis of the same responses; each curve is sorted by its own drop. ${signSentence(sign)}`,
    legend,
    panels: panels.length === 0 ? [empty] : panels,
    columns: panels.length === 0 ? 1 : 2,
    panelHeight: panels.length === 0 ? 120 : 280,
    ...(note !== "" && { note }),
  });
}

/** One kind of curve: an array of drops per seed or network. */
export interface RankedSamples {
  readonly series: number;
  readonly samples: readonly ArrayLike<number>[];
}

/** The control (blue) is dashed, so that it is told from the subject without colour. */
export function controlDash(series: number): string | undefined {
  return series === 0 ? "7 3" : dashOf(series);
}

/** A plot of drops sorted by rank, means and bands over samples; and how many means its axis leaves out. */
export function rankedPlot(
  kinds: readonly RankedSamples[],
  {
    sign,
    what,
    ranked,
    domain,
  }: {
    sign: DropSign;
    what: string;
    ranked: string | readonly string[];
    domain?: readonly [number, number] | undefined;
  },
): { readonly cut: Cut; readonly draw: (box: Box) => string } {
  const factor = dropFactor(sign);
  const bands = kinds.map(({ samples }) =>
    rankBand(
      samples.map((sample) => Float64Array.from(sample, (drop) => drop * factor)),
      { ascending: factor < 0 },
    ),
  );
  const last = Math.max(0, ...bands.map(({ mean }) => mean.length));
  if (last === 0) {
    return { cut: { beyond: 0, farthest: 0 }, draw: (box) => drawEmpty(box, "Nothing was measured here.") };
  }
  const { low, high } = axisDomain(
    bands.flatMap((band) => [band.low, band.high]),
    [0],
  );
  const drawn = domain ?? niceDomain(low, high, 6);
  const curves = kinds.map(({ series, samples }, at): Curve => {
    const { mean, low, high } = bands[at];
    return {
      label: what,
      series,
      x: ranksOf(mean.length),
      y: mean,
      ...(samples.length > 1 && { low, high }),
      dash: controlDash(series),
      dots: last <= 24,
    };
  });
  const y = { domain: drawn, label: dropAxisLabel(what, sign), format: (drop: number) => formatPoints(drop) };
  const draw = (box: Box): string =>
    drawPlot(
      box,
      { x: { domain: last === 1 ? [0.5, 1.5] : [1, last], label: ranked, ticks: rankTicks(last, box.width) }, y },
      (toX, toY) => {
        const toInside = (value: number): number => toY(clampTo(drawn, value));
        const marks = curves.flatMap(({ y, series }) =>
          Array.from(y, (value, rank) =>
            clampTo(drawn, value) === value || Number.isNaN(value)
              ? ""
              : edgeMark(toX(rank + 1), toInside(value), value > drawn[1] ? "up" : "down", fillOf(series)),
          ),
        );
        return drawCurves(curves, toX, toInside) + marks.join("");
      },
    );
  const means = bands.flatMap(({ mean }) => Array.from(mean));
  return { cut: cutBy(drawn, means), draw };
}
