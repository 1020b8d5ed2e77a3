/**
 * A campaign of damaged files over all readers: `npm run fuzz -- --files 10000 --seed 1`. Every file follows from its
 * reader and seed, so that what is found can be made again: `--reader NAME --case SEED`. Exit code 1 if something broke.
 */
import { parseArgs } from "node:util";
import { carryOutAll, type Finding } from "./pool.ts";
import { readers } from "./readers.ts";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    children: { type: "string", default: "2" },
    reader: { type: "string", multiple: true, default: [] },
    case: { type: "string" },
  },
});
const chosen = readers
  .map(({ name }) => name)
  .filter((name) => values.reader.length === 0 || values.reader.includes(name));
const count = values.case === undefined ? Number(values.files) : chosen.length;
const first = Number(values.case ?? 1_000_000 * Number(values.seed));
const cases = Array.from({ length: count }, (_, at) => ({
  reader: chosen[at % chosen.length],
  seed: first + Math.floor(at / chosen.length),
}));
const began = performance.now();
let done = 0;
const found = (finding: Finding): void => {
  done++;
  if (finding.kind === "broken") console.log(`BROKEN ${finding.reader} ${finding.seed}: ${finding.message}`);
  else if (values.case !== undefined)
    console.log(`${finding.kind} ${finding.reader} ${finding.seed}: ${finding.message}`);
  if (done % 500 === 0) console.log(`${done} of ${count} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
};
const findings = await carryOutAll(cases, { children: Number(values.children), found });

console.log("reader              files   read  (same) refused broken  slowest, ms");
for (const name of chosen) {
  const own = findings.filter(({ reader }) => reader === name);
  const of = (kind: Finding["kind"]): number => own.filter((each) => each.kind === kind).length;
  const same = own.filter(({ kind, message }) => kind === "read" && message === "same").length;
  const cells = [
    own.length,
    of("read"),
    same,
    of("refused"),
    of("broken"),
    Math.max(0, ...own.map(({ elapsedMs }) => elapsedMs)).toFixed(0),
  ];
  console.log(`${name.padEnd(18)} ${cells.map((cell) => String(cell).padStart(7)).join("")}`);
}
const broken = findings.filter(({ kind }) => kind === "broken").length;
const peak = Math.max(...findings.map(({ peakBytes }) => peakBytes));
console.log(
  `${findings.length} files, ${broken} broken, ${(peak / 2 ** 20).toFixed(0)} MB at most, ${((performance.now() - began) / 1000).toFixed(0)} s`,
);
process.exitCode = broken > 0 ? 1 : 0;
