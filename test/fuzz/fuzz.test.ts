/**
 * Damaged files over all readers: a clear error or a right answer, within seconds and a gigabyte. A campaign of any size is
 * `npm run fuzz`; here are a few files of it, and those that broke something once.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { carryOutAll, type Finding } from "./pool.ts";
import { readers } from "./readers.ts";

const seeds = JSON.parse(readFileSync(new URL("seeds.json", import.meta.url), "utf8")) as [string, number][];
/** The pages of a run's own tables can keep their decoder busy for ever: SECURITY.md says so. */
const unguarded = new Set(["tables"]);
/** Files of every reader. */
const FEW = 6;

test("no damaged file ends in anything but an answer or a clear error, those that once did among them", async () => {
  const few = readers
    .filter(({ name }) => !unguarded.has(name))
    .flatMap(({ name }) => Array.from({ length: FEW }, (_, seed) => ({ reader: name, seed })));
  const cases = [
    ...seeds.filter(([reader]) => !unguarded.has(reader)).map(([reader, seed]) => ({ reader, seed })),
    ...few,
  ];
  const findings = await carryOutAll(cases);
  expect(findings.filter(({ kind }) => kind === "broken")).toEqual([]);
  expect(findings).toHaveLength(cases.length);
  const of = (kind: Finding["kind"]): number => findings.filter((each) => each.kind === kind).length;
  expect(Math.min(of("read"), of("refused"))).toBeGreaterThan(50); // damage reaches the readers, and not all of it is fatal
});
