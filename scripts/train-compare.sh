#!/bin/sh
# Retrains networks from their seeds into a folder of its own and compares their accuracies with those in models/:
# the nightly check that training still gives what it gave.
#
# usage: scripts/train-compare.sh [NAME…]     all networks of scripts/train-models.sh when no name is given
#
# Exit code 1 if an accuracy differs by more than TOLERANCE points (default 1: weights are the same on the same machine,
# and rounding differs between machines). RETRAINED is the folder (default: retrained); delete it to start anew.
set -eu
cd "$(dirname "$0")/.."
folder=${RETRAINED:-retrained}
mkdir -p "$folder"
MODELS=$folder scripts/train-models.sh "$@"
TOLERANCE=${TOLERANCE:-1} node --input-type=module - "$folder" <<'SCRIPT'
import { existsSync, readdirSync, readFileSync } from "node:fs";

const folder = process.argv[2];
let failed = false;
for (const file of readdirSync(folder).filter((name) => name.endsWith(".log.json"))) {
  const shipped = `models/${file}`;
  if (!existsSync(shipped)) continue;
  const accuracy = (path) => 100 * JSON.parse(readFileSync(path, "utf8")).accuracy;
  const [was, is] = [accuracy(shipped), accuracy(`${folder}/${file}`)];
  const log = JSON.parse(readFileSync(shipped, "utf8")).epochs.map(({ loss }) => loss);
  const again = JSON.parse(readFileSync(`${folder}/${file}`, "utf8")).epochs.map(({ loss }) => loss);
  const same = log.length === again.length && log.every((loss, i) => loss === again[i]);
  const differs = Math.abs(was - is) > Number(process.env.TOLERANCE);
  failed ||= differs;
  console.log(`${file.replace(".log.json", "")}: ${was.toFixed(2)} % shipped, ${is.toFixed(2)} % again` +
    `${same ? ", every loss identical" : ""}${differs ? ": TOO FAR" : ""}`);
}
process.exitCode = failed ? 1 : 0;
SCRIPT
