/** Figure 7: units against random directions of the same space. */
import { type Estimate, nestedBootstrap } from "../../stats/nested-bootstrap.ts";
import { doubles, filterRows, integers, type Table, texts } from "../../tables/table.ts";
import type { Evidence, LastLayer } from "../evidence.ts";
import { type Claim, claim, count, type Finding, finding, inWords, listed, points } from "./claim.ts";
import { allOf, isPositive } from "./judgement.ts";
import { lastLayerName, lastLayers, overNetworks } from "./over-networks.ts";
import { mean } from "./places.ts";

/** Removing a unit damages its class more than removing a random direction does. */
export function rotationClaim(evidence: Evidence): Claim {
  const networks = lastLayers(evidence);
  const last = networks.length > 0 ? { layer: lastLayerName(networks), ...compareLastLayers(networks) } : undefined;
  const rows = last ? [last] : [];
  return claim("rotation", {
    headline: last
      ? `conv5, class drop without the luck of choosing: ${inWords(last.splitUnits)} for units, ${inWords(last.splitRandom)} for random directions`
      : "",
    findings: [
      ...rows.flatMap(({ superiority, p, ...row }): Finding[] => [
        ...findingsOf(row.layer, row),
        count(row.layer, "P(a unit's is larger)", "probability", superiority),
        count(row.layer, "rank p", "probability", p),
      ]),
    ],
    intervals: `95 %, the test images held fixed; ${networks.length > 1 ? `over ${networks.length} networks (Student's t), p the largest of theirs` : "bootstrap over units and directions"}. P and p are of the drops without the luck of choosing: P that a unit's is larger than a direction's, p of Mann and Whitney's rank test. Rotations of each network: ${last?.rotations ?? 0}`,
    judged: rows.map(({ layer, difference, specific }) => ({
      place: layer,
      statement: "",
      outcome: allOf([isPositive(difference), isPositive(specific)]),
    })),
    why: onAverageOnly(rows),
    pictures: [{ file: "rotation.svg", shows: "drops of units and of random directions" }],
    tables: ["directions.csv", "networks-directions.csv"],
  });
}

/** Layers where the means differ, but a unit is hardly more often above a direction than below. */
function onAverageOnly(rows: readonly { layer: string; superiority: number; difference: Estimate }[]): string {
  const some = rows.filter(({ superiority, difference }) => difference.low > 0 && superiority < 0.6);
  if (some.length === 0) return "";
  const shares = some.map(({ layer, superiority }) => `${points(superiority, 0)} % of the times at ${layer}`);
  return `On average only: a unit is above a direction ${listed(shares)}.`;
}

/** The last convolutions of several networks: means over networks. */
function compareLastLayers(networks: readonly LastLayer[]): BesideDirections & ReturnType<typeof testOf> {
  const each = networks.map(({ rotation, directions }) => ({
    ...compareWithDirections(rotation, "conv5"),
    ...testOf(directions, "conv5"),
  }));
  const over = (pick: (network: BesideDirections) => Estimate): Estimate => overNetworks(each, pick);
  return {
    units: over(({ units }) => units),
    random: over(({ random }) => random),
    splitUnits: over(({ splitUnits }) => splitUnits),
    splitRandom: over(({ splitRandom }) => splitRandom),
    difference: over(({ difference }) => difference),
    specific: over(({ specific }) => specific),
    rotations: each[0]?.rotations ?? 0,
    superiority: mean(each.map(({ superiority }) => superiority)),
    p: Math.max(...each.map(({ p }) => p)),
  };
}

/** What units' class drops exceed those of random directions by at conv5, each beyond its overall drop. */
export function unitsBeyondDirections(evidence: Evidence): Estimate {
  return overNetworks(lastLayers(evidence), ({ rotation }) => compareWithDirections(rotation, "conv5").specific);
}

/** P that the class drop of one of a network's units at conv5 is larger than that of a random direction. */
export function superiorityAtLast({ directions }: LastLayer): number {
  return testOf(directions, "conv5").superiority;
}

function findingsOf(
  row: string,
  { units, random, splitUnits, splitRandom, difference, specific }: Omit<BesideDirections, "rotations">,
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
interface BesideDirections {
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
function compareWithDirections(rotation: Table, layer: string): BesideDirections {
  const [units, random] = [rowsOf(rotation, layer, "units"), rowsOf(rotation, layer, "random")];
  return {
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
    (at) => layers[at] === layer && bases[at] === "random" && measures[at] === "split_half_drop",
  );
  const cell = (column: string): number => doubles(row, column)[0] ?? Number.NaN;
  return { superiority: cell("superiority"), p: cell("rank_p_value") };
}
