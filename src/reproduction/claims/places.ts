/** Where claims about single units are looked at: layers of one network, or of several networks together. */
import { UnitscopeError } from "../../errors.ts";
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { imageVariance, networkInterval } from "../../stats/network-interval.ts";
import { texts } from "../../tables/table.ts";
import { type Evidence, type NetworkEvidence, networksOf, unitValues } from "../evidence.ts";
import { alexnetLayers, resnetLayers, type Variant } from "../studies.ts";

/** A layer of some networks. */
export interface Place {
  readonly name: string;
  readonly layer: string;
  readonly networks: readonly NetworkEvidence[];
}

/**
 * The layers that verdicts count: those that several plain networks share together, those of the main network alone, on
 * all images if these are more, and below; ResNet-18's.
 */
export function placesOf(evidence: Evidence): Place[] {
  const { main, lower } = evidence;
  const plain = networksOf(evidence, "plain");
  const resnets = networksOf(evidence, "ResNet-18");
  const onMore = plain.some(({ name, imageCount }) => name === main.name && imageCount < main.imageCount);
  const isShared = plain.length > 1;
  return [
    ...layersOf(lower).map((layer): Place => ({ name: layer, layer, networks: [lower] })),
    ...layersOf(main).flatMap((layer): Place[] => [
      ...(!isShared || onMore
        ? [{ name: isShared ? `${layer} (1 network, all images)` : layer, layer, networks: [main] }]
        : []),
      ...(isShared ? [{ name: `${layer} (${plain.length} networks)`, layer, networks: plain }] : []),
    ]),
    ...(resnets.length > 0 ? resnetLayers : []).map(
      (layer): Place => ({ name: `ResNet-18 ${layer}`, layer, networks: resnets }),
    ),
  ];
}

/** AlexNet's layers that a network was measured at. */
export function layersOf({ units }: Pick<NetworkEvidence, "units">): readonly string[] {
  return alexnetLayers.filter((layer) => texts(units, "layer").includes(layer));
}

/** Mean over units of a column, one a network. */
export function meansOf({ layer, networks }: Omit<Place, "name">, column: string): number[] {
  return networks.map((network) => mean(unitValues(network, layer, column)));
}

/** A measure that is a sum over images, by what each image adds. */
export interface ImageMeasure {
  /** The overall drop, or the drop of each unit's class. */
  readonly of: "overall" | "ofClass";
  /** How many times the overall drop is taken off; 0 where absent. */
  readonly beyond?: number;
}

/** A mean over networks with its interval over networks (if several) and images. */
export function estimateOf(
  place: Omit<Place, "name">,
  { means, measure, against }: { means: readonly number[]; measure: ImageMeasure; against?: AgainstGroup },
): Estimate {
  const parts = partsOf(place, measure);
  const { share = 1 } = against ?? {};
  const others = against && partsOf(against.place, measure);
  if (others) for (let image = 0; image < parts.length; image++) parts[image] -= share * others[image];
  const [{ labels } = { labels: new Int32Array(0) }] = place.networks;
  const compared = against?.means.map((mean) => share * mean);
  return networkInterval(means, { against: compared, imageVariance: imageVariance(parts, labels) });
}

/** The group that another is compared with. */
export interface AgainstGroup {
  readonly means: readonly number[];
  readonly place: Omit<Place, "name">;
  /** What part of it is taken off; all where absent. */
  readonly share?: number;
}

/** What each image adds to the mean over networks. */
function partsOf({ layer, networks }: Omit<Place, "name">, { of, beyond = 0 }: ImageMeasure): Float64Array {
  const sum = new Float64Array(networks[0]?.labels.length ?? 0);
  for (const { parts } of networks) {
    const own = parts.get(layer);
    if (!own) continue;
    const { overall, ofClass } = own;
    if (overall.length !== sum.length) {
      throw new UnitscopeError(
        "internal",
        `internal: networks at ${layer}: expected the same ${sum.length} images for all, got ${overall.length}`,
      );
    }
    for (let image = 0; image < sum.length; image++) {
      const added = (of === "overall" ? overall[image] : ofClass[image]) - beyond * overall[image];
      sum[image] += added / networks.length;
    }
  }
  return sum;
}

/** The networks of a variant at a layer. */
export function placeOf(evidence: Evidence, variant: Variant, layer: string): Place {
  return { name: layer, layer, networks: networksOf(evidence, variant) };
}

/** Mean of the values that there are. */
export function mean(values: ArrayLike<number>): number {
  const known = Array.from(values).filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
