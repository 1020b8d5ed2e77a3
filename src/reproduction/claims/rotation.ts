/** Figure 7: units against random directions of the same space. */

import { nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { doubles, filterRows, integers, type Table, texts } from "../../tables/table.ts";
import type { Evidence } from "../evidence.ts";
import { alexnetLayers } from "../networks.ts";
import { type Claim, count, type Finding, finding, heldOf, inWords, listed, points, verdictOf } from "./claim.ts";

/** Removing a unit damages its class more than removing a random direction does. */
export function rotationClaim({ rotation, directions, lowerImages }: Evidence): Claim {
  const rows = alexnetLayers.map((layer) => {
    const [units, random] = [rowsOf(rotation, layer, "units"), rowsOf(rotation, layer, "random")];
    return {
      layer,
      units: nestedBootstrap(dropsOf(units)),
      random: nestedBootstrap(dropsOf(random)),
      difference: nestedBootstrap(dropsOf(units), dropsOf(random)),
      specific: nestedBootstrap(specificDropsOf(units), specificDropsOf(random)),
      rotations: dropsOf(random).length,
      ...testOf(directions, layer),
    };
  });
  const holds = rows.map(({ difference, specific, p }) => difference.low > 0 && specific.low > 0 && p < 0.05);
  const failing = rows.filter((_, at) => !holds[at]).map(({ layer }) => layer);
  const last = rows.at(-1);
  return {
    id: "rotation",
    title: "Units are more class-specific than random directions",
    where: "Figure 7",
    paper:
      "After a random rotation of a layer's units, removing one of the new directions damages single classes less than removing a unit does.",
    rule: "In a layer, the mean max class drop of units is larger than that of random directions, and so is what it exceeds the overall drop by, both with an interval of the difference above 0; permutation p < 0.05. Same: in every layer.",
    headline: last
      ? `${last.layer}, mean max class drop: ${inWords(last.units)} for units, ${inWords(last.random)} for random directions`
      : "",
    findings: rows.flatMap(({ layer, units, random, difference, specific, superiority, p }): Finding[] => [
      finding(layer, "units", "points", units),
      finding(layer, "random directions", "points", random),
      finding(layer, "difference", "points", difference),
      finding(layer, "difference beyond the overall drop", "points", specific),
      count(layer, "P(a unit's is larger)", "probability", superiority),
      count(layer, "permutation p", "probability", p),
    ]),
    intervals: `95 % bootstrap over units and directions, the test images held fixed; rotations: ${rows.map(({ layer, rotations }) => `${rotations} at ${layer}`).join(", ")}. conv1 to conv3: ${lowerImages} images of every class; otherwise all`,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: [
      failing.length === 0 ? "It holds in every layer." : `It fails in ${listed(failing)}.`,
      last
        ? `At ${last.layer} a unit costs a class ${points(last.units.value)} points, a random direction ${points(last.random.value)}.`
        : "",
    ].join(" "),
    pictures: [
      { file: "rotation.svg", shows: "drops of units and of random directions, conv4 and conv5" },
      { file: "rotation-lower.svg", shows: "drops of units and of random directions, conv1 to conv3" },
    ],
    tables: ["directions.csv"],
  };
}

/** The directions of a layer of one basis, a table per rotation. */
function rowsOf(rotation: Table, layer: string, basis: string): Table[] {
  const [layers, bases, seeds] = [texts(rotation, "layer"), texts(rotation, "basis"), integers(rotation, "seed")];
  const own = (row: number): boolean => layers[row] === layer && bases[row] === basis;
  const found = new Set(Array.from(seeds.filter((_, row) => own(row))));
  return [...found].map((seed) => filterRows(rotation, (row) => own(row) && seeds[row] === seed));
}

function dropsOf(rotations: readonly Table[]): Float64Array[] {
  return rotations.map((rows) => doubles(rows, "max_class_drop"));
}

/** What the max class drop exceeds the overall drop by. */
function specificDropsOf(rotations: readonly Table[]): Float64Array[] {
  return rotations.map((rows) => {
    const overall = doubles(rows, "overall_drop");
    return doubles(rows, "max_class_drop").map((drop, row) => drop - overall[row]);
  });
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
