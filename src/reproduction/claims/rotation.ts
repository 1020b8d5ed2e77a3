/** Figure 7: units against random directions of the same space. */
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { doubles, filterRows, integers, type Table, texts } from "../../tables/table.ts";
import type { Evidence } from "../evidence.ts";
import { alexnetLayers } from "../studies.ts";
import { type Claim, claim, count, type Finding, finding, inWords, points } from "./claim.ts";
import { allOf, isPositive } from "./judgement.ts";

/** Removing a unit damages its class more than removing a random direction does. */
export function rotationClaim({ rotation, directions, lowerImages }: Evidence): Claim {
  const layers = texts(rotation, "layer");
  const rows = alexnetLayers
    .filter((layer) => layers.includes(layer))
    .map((layer) => ({
      ...compareWithDirections(rotation, layer),
      ...testOf(directions, layer),
    }));
  const last = rows.at(-1);
  return claim("rotation", {
    headline: last
      ? `${last.layer}, mean max class drop: ${inWords(last.units)} for units, ${inWords(last.random)} for random directions`
      : "",
    findings: [
      ...rows.flatMap(({ superiority, p, ...row }): Finding[] => [
        ...findingsOf(row.layer, row),
        count(row.layer, "P(a unit's is larger)", "probability", superiority),
        count(row.layer, "permutation p", "probability", p),
      ]),
    ],
    intervals: `95 % bootstrap over units and directions, the test images held fixed; rotations: ${rows.map(({ layer, rotations }) => `${rotations} at ${layer}`).join(", ")}. conv1 to conv3: ${lowerImages} images of every class; otherwise all`,
    judged: rows.map(({ layer, difference, specific }) => ({
      place: layer,
      statement: "",
      outcome: allOf([isPositive(difference), isPositive(specific)]),
    })),
    why: last
      ? `At ${last.layer} a unit costs a class ${points(last.units.value)} points, a random direction ${points(last.random.value)}.`
      : "",
    pictures: [
      { file: "rotation.svg", shows: "drops of units and of random directions, conv4 and conv5" },
      { file: "rotation-lower.svg", shows: "drops of units and of random directions, conv1 to conv3" },
    ],
    tables: ["directions.csv"],
  });
}

function findingsOf(
  row: string,
  { units, random, splitUnits, splitRandom, difference, specific }: Omit<BesideDirections, "layer" | "rotations">,
): Finding[] {
  return [
    finding(row, "units", "points", units),
    finding(row, "random directions", "points", random),
    finding(row, "units, without the luck of choosing", "points", splitUnits),
    finding(row, "random directions, without it", "points", splitRandom),
    finding(row, "difference", "points", difference),
    finding(row, "difference beyond the overall drop", "points", specific),
  ];
}

/** Mean max class drops of a layer, and what units do more than random directions. */
export interface BesideDirections {
  readonly layer: string;
  readonly units: Estimate;
  readonly random: Estimate;
  /** Mean class drops without the luck of choosing. */
  readonly splitUnits: Estimate;
  readonly splitRandom: Estimate;
  readonly difference: Estimate;
  /** The difference of what drops exceed the overall drop by. */
  readonly specific: Estimate;
  readonly rotations: number;
}

/** Compares the units of a layer with random directions. */
export function compareWithDirections(rotation: Table, layer: string): BesideDirections {
  const [units, random] = [rowsOf(rotation, layer, "units"), rowsOf(rotation, layer, "random")];
  return {
    layer,
    units: nestedBootstrap(dropsOf(units)),
    random: nestedBootstrap(dropsOf(random)),
    splitUnits: nestedBootstrap(dropsOf(units, "split_half_drop")),
    splitRandom: nestedBootstrap(dropsOf(random, "split_half_drop")),
    difference: nestedBootstrap(dropsOf(units, "split_half_drop"), dropsOf(random, "split_half_drop")),
    specific: nestedBootstrap(specificDropsOf(units), specificDropsOf(random)),
    rotations: random.length,
  };
}

/** The directions of a layer of one basis, a table per rotation. */
function rowsOf(rotation: Table, layer: string, basis: string): Table[] {
  const [layers, bases, seeds] = [texts(rotation, "layer"), texts(rotation, "basis"), integers(rotation, "seed")];
  const own = (row: number): boolean => layers[row] === layer && bases[row] === basis;
  const found = new Set(Array.from(seeds.filter((_, row) => own(row))));
  return [...found].map((seed) => filterRows(rotation, (row) => own(row) && seeds[row] === seed));
}

function dropsOf(rotations: readonly Table[], column: string = "max_class_drop"): Float64Array[] {
  return rotations.map((rows) => doubles(rows, column));
}

/** What the class drop without the luck of choosing exceeds the overall drop by. */
function specificDropsOf(rotations: readonly Table[]): Float64Array[] {
  return rotations.map((rows) => {
    const overall = doubles(rows, "overall_drop");
    return doubles(rows, "split_half_drop").map((drop, row) => drop - overall[row]);
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
