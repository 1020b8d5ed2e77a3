/**
 * Figure 8: max class drops of the same network trained in several ways (plain, with batch norm, with channel dropout),
 * one panel per layer on shared axes, means and bands over seeds.
 *
 * Sign: positive means damage; `sign: "paper"` draws accuracy after minus before and says so.
 */
import { oneImageReason } from "./axis-domain.ts";
import { bandNote, countedLabel, type SampledKind } from "./band-note.ts";
import { drawEmpty, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { controlDash, type DropFigureOptions, rankedPlot } from "./rotation.ts";
import { extentOf, niceDomain } from "./scale.ts";
import { dropFactor, signSentence } from "./sign.ts";
import { mainSeries } from "./theme.ts";

/** One way of training: for every layer the max class drops of the units, one array per seed. */
export interface VariantDrops {
  readonly variant: string;
  readonly layers: Readonly<Record<string, readonly ArrayLike<number>[]>>;
}

/** Draws figure 8 for `layers`, in that order. */
export function compareDropsFigure(
  variants: readonly VariantDrops[],
  layers: readonly string[],
  { sign = "damage", source, imagesPerClass = Infinity }: DropFigureOptions = {},
): string {
  const factor = dropFactor(sign);
  const samples = variants.flatMap((variant) => layers.flatMap((layer) => variant.layers[layer] ?? []));
  const [low, high] = extentOf(
    samples.map((sample) => Array.from(sample, (drop) => drop * factor)),
    [0],
  );
  const domain = niceDomain(low, high, 6);
  const kinds = variants.map(
    ({ variant, layers: drops }): SampledKind => ({
      label: variant,
      places: layers.map((layer) => ({ place: layer, samples: drops[layer]?.length ?? 0 })),
    }),
  );
  const panels = layers.map((layer): Panel => {
    const drawn = variants
      .map(({ layers: drops }, series) => ({ series: mainSeries(series), samples: drops[layer] ?? [] }))
      .filter(({ samples }) => samples.length > 0);
    if (drawn.length === 0) return { title: layer, draw: (box) => drawEmpty(box, `No run ablated ${layer}.`) };
    if (imagesPerClass <= 1) return { title: layer, draw: (box) => drawEmpty(box, oneImageReason) };
    const { draw } = rankedPlot(drawn, {
      sign,
      what: "max class drop",
      ranked: ["units, sorted by max class drop", "units by max class drop", "units, sorted"],
      domain,
    });
    return { title: layer, draw };
  });
  const note = imagesPerClass <= 1 ? "" : bandNote(kinds, "network");
  const empty: Panel = { draw: (box) => drawEmpty(box, "No layer is common to these runs.") };
  return renderFigure({
    title: "Max class drops, side by side",
    subtitle: `${source === undefined ? "" : `${source}. `}Max class drop of every unit; each curve is a network, or the mean of several of one kind. ${signSentence(sign)}`,
    legend:
      layers.length === 0
        ? []
        : kinds.map(
            (kind, series): LegendEntry => ({
              label: countedLabel(kind, "network"),
              series: mainSeries(series),
              mark: "line",
              dash: controlDash(mainSeries(series)),
            }),
          ),
    panels: panels.length === 0 ? [empty] : panels,
    columns: Math.min(2, Math.max(1, panels.length)),
    panelHeight: panels.length === 0 ? 120 : 300,
    ...(note !== "" && { note }),
  });
}
