/**
 * Figure 8: max class drops of the same network trained in several ways (plain, with batch norm, with channel dropout),
 * one panel per layer on shared axes, means and bands over seeds.
 *
 * Sign: positive means damage; `sign: "paper"` draws accuracy after minus before and says so.
 */
import { oneImageReason } from "./axis-domain.ts";
import { rankBand } from "./curves.ts";
import { drawEmpty, type LegendEntry, type Panel, renderFigure } from "./frame.ts";
import { controlDash, type DropFigureOptions, drawRanked } from "./rotation.ts";
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
  const seeds = variants.flatMap((variant) =>
    layers.flatMap((layer) => variant.layers[layer] ?? []).length > 0
      ? layers
          .map((layer) => variant.layers[layer] ?? [])
          .filter((each) => each.length > 1)
          .map((each) => rankBand(each).holds)
      : [],
  );
  const panels = layers.map(
    (layer): Panel => ({
      title: layer,
      draw: (box) => {
        const kinds = variants
          .map(({ variant, layers: drops }, series) => ({
            label: variant,
            series: mainSeries(series),
            samples: drops[layer] ?? [],
          }))
          .filter((kind) => kind.samples.length > 0);
        if (kinds.length === 0) return drawEmpty(box, `No run ablated ${layer}.`);
        if (imagesPerClass <= 1) return drawEmpty(box, oneImageReason);
        return drawRanked(box, kinds, {
          sign,
          what: "max class drop",
          ranked: ["units, sorted by max class drop", "units by max class drop", "units, sorted"],
          domain,
        });
      },
    }),
  );
  const empty: Panel = { draw: (box) => drawEmpty(box, "No layer is common to these runs.") };
  return renderFigure({
    title: "How training spreads classes over units",
    subtitle: `${source === undefined ? "" : `${source}. `}Max class drop of every unit, for networks that differ in how they were trained. ${signSentence(sign)}`,
    legend:
      layers.length === 0
        ? []
        : variants.map(
            ({ variant }, series): LegendEntry => ({
              label: `${variant}${seedCount(variants[series])}`,
              series: mainSeries(series),
              mark: "line",
              dash: controlDash(mainSeries(series)),
            }),
          ),
    panels: panels.length === 0 ? [empty] : panels,
    columns: Math.min(2, Math.max(1, panels.length)),
    panelHeight: panels.length === 0 ? 120 : 300,
    ...(seeds.length > 0 && {
      note: `Lines: means over networks. Bands: ${[...new Set(seeds)].join(" or ")} networks.`,
    }),
  });
}

function seedCount(variant: VariantDrops | undefined): string {
  const counts = Object.values(variant?.layers ?? {}).map((seeds) => seeds.length);
  const most = Math.max(0, ...counts);
  return most > 1 ? ` (${most} networks)` : "";
}
