/** Figure 7: units against random directions of the same space. */
import { doubles, filterRows, integers, type Table, texts } from "../../results/table.ts";
import { nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import type { Evidence } from "../evidence.ts";
import { alexnetLayers } from "../networks.ts";
import { lowerLimit } from "../plan.ts";
import { type Claim, count, type Finding, finding, inWords, listed, points, verdictOf } from "./claim.ts";

/** Removing a unit damages its class more than removing a random direction does. */
export function rotationClaim({ rotation, directions }: Evidence): Claim {
  const rows = alexnetLayers.map((layer) => {
    const [units, random] = [dropsOf(rotation, layer, "units"), dropsOf(rotation, layer, "random")];
    return {
      layer,
      units: nestedBootstrap(units),
      random: nestedBootstrap(random),
      difference: nestedBootstrap(units, random),
      ...testOf(directions, layer),
    };
  });
  const holds = rows.map(({ difference, p }) => difference.low > 0 && p < 0.05);
  const failing = rows.filter((_, at) => !holds[at]).map(({ layer }) => layer);
  const last = rows.at(-1);
  return {
    id: "rotation",
    title: "Units are more class-specific than random directions",
    where: "Figure 7",
    paper:
      "After a random rotation of a layer's units, removing one of the new directions damages single classes less than removing a unit does.",
    rule: "The mean max class drop of units is larger than that of random directions, with an interval of the difference above 0 and permutation p < 0.05, in every layer; in part: in some.",
    headline: last
      ? `${last.layer}, mean max class drop: ${inWords(last.units)} for units, ${inWords(last.random)} for random directions`
      : "",
    findings: rows.flatMap(({ layer, units, random, difference, superiority, p }): Finding[] => [
      finding(layer, "units", "points", units),
      finding(layer, "random directions", "points", random),
      finding(layer, "difference", "points", difference),
      count(layer, "P(a unit's is larger)", "probability", superiority),
      count(layer, "permutation p", "probability", p),
    ]),
    intervals: `95 % bootstrap over units and directions (of two rotations; of one at conv4). conv1 to conv3 are measured on ${lowerLimit} images of every class`,
    verdict: verdictOf(holds),
    why: [
      last
        ? `At ${last.layer} a unit costs a class ${points(last.units.value)} points, a random direction ${points(last.random.value)}.`
        : "",
      failing.length === 0
        ? ""
        : `It fails in ${listed(failing)}: a random direction mixes all units there, and each of them is read by everything after it.`,
    ]
      .join(" ")
      .trim(),
    pictures: [
      { file: "rotation.svg", shows: "drops of units and of random directions, conv4 and conv5" },
      { file: "rotation-lower.svg", shows: "drops of units and of random directions, conv1 to conv3" },
    ],
    tables: ["directions.csv"],
  };
}

/** Max class drops of a layer's directions of one basis, an array per rotation. */
function dropsOf(rotation: Table, layer: string, basis: string): Float64Array[] {
  const [layers, bases] = [texts(rotation, "layer"), texts(rotation, "basis")];
  const rows = filterRows(rotation, (at) => layers[at] === layer && bases[at] === basis);
  const [seeds, drops] = [integers(rows, "seed"), doubles(rows, "max_class_drop")];
  return [...new Set(seeds)].map((seed) => drops.filter((_, row) => seeds[row] === seed));
}

function testOf(directions: Table, layer: string): { superiority: number; p: number } {
  const [layers, bases, measures] = [
    texts(directions, "layer"),
    texts(directions, "basis"),
    texts(directions, "measure"),
  ];
  const row = filterRows(
    directions,
    (at) => layers[at] === layer && bases[at] === "random" && measures[at] === "max_class_drop",
  );
  return { superiority: doubles(row, "superiority")[0] ?? Number.NaN, p: doubles(row, "p_value")[0] ?? Number.NaN };
}
