/**
 * How many (unit, image) pairs need not be computed for two questions, by replaying finished runs in other orders: "all
 * drops to plus or minus so many points" (`--until`), and "which ten units have the largest class drop".
 *
 *   npm run bench:sooner -- RUN… [--orders 3] [--until 1]
 *
 * The second question is answered in two ways. *Certain*: a unit is left out once the upper limits of all its class drops
 * are below the lower limits of ten others' (limits that hold for all pairs together with 95 %). *Looking*: the ten that
 * lead after a part of the images, and how many of them are among the final ten.
 */
import { parseArgs } from "node:util";
import { type Change, findLimits, type LimitFinder } from "../src/ablation/drop-limits.ts";
import { blocksBehind } from "../src/ablation/growth.ts";
import { stratifiedBlocks } from "../src/passes/image-order.ts";
import { openRun } from "../src/runs/run-folder.ts";
import { integers, rowsWhere } from "../src/tables/table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    orders: { type: "string", default: "3" },
    until: { type: "string", default: "1" },
    block: { type: "string", default: "256" },
  },
});
const orders = Number(values.orders);
const distance = Number(values.until) / 100;
const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;

for (const path of positionals) {
  const run = openRun(path);
  const { classNames, layers, model, data } = run.manifest();
  const baseline = await run.readTable("baseline");
  const [labels, predictions] = ["label", "prediction"].map((name) => integers(baseline, name));
  for (const { name, units } of layers) {
    const flips = rowsWhere(await run.readTable("flips"), "layer", name);
    const [unit, image, prediction] = ["unit", "image", "prediction"].map((column) => integers(flips, column));
    const sums = { until: 0, certain: 0, exact: 0 };
    const looking = new Map([0.1, 0.2, 0.3, 0.5].map((part) => [part, 0]));
    for (let seed = 1; seed <= orders; seed++) {
      const blocks = stratifiedBlocks(labels, { seed, blockSize: Number(values.block) });
      const limits = findLimits(blocks, { labels, classCount: classNames.length });
      const blockOf = new Int32Array(labels.length);
      for (const block of blocks.plan.blockSizes.keys())
        for (const each of blocks.imagesOf(block)) blockOf[each] = block;
      const changes = Array.from({ length: units }, (): Change[] => []);
      for (const [flip, own] of unit.entries()) {
        const cls = labels[image[flip]];
        const isLoss = predictions[image[flip]] === cls;
        if (isLoss || prediction[flip] === cls)
          changes[own].push({ block: blockOf[image[flip]], cls, isGain: !isLoss });
      }
      const count = blocks.plan.blockSizes.length;
      const imagesTo = (to: number): number => blocks.plan.blockSizes.slice(0, to).reduce((sum, size) => sum + size, 0);
      const share = (reach: readonly number[]): number =>
        reach.reduce((sum, to) => sum + imagesTo(Math.min(to, count)), 0) / (units * labels.length);
      const before = (own: readonly Change[], to: number): Change[] => own.filter(({ block }) => block < to);
      const known = changes.map((own) => {
        for (let to = 1; to < count; to++) if (limits.areKnown(before(own, to), to, distance)) return to;
        return count;
      });
      sums.until += share(known.map((to) => to + blocksBehind(count))) / orders;
      const { out, exact } = leaveOut(changes, limits, count, before);
      sums.certain += share(out.map((to) => to + blocksBehind(count))) / orders;
      sums.exact += exact / orders;
      const final = new Set(leading(changes, limits, count, before));
      for (const part of looking.keys()) {
        const own = leading(changes, limits, Math.round(part * count), before).filter((each) => final.has(each));
        looking.set(part, (looking.get(part) ?? 0) + own.length / orders);
      }
    }
    console.log(
      `${model.name} ${name}: ${units} units, ${classNames.length} classes, ${data.images} images, ${orders} orders`,
    );
    console.log(`  all drops to ±${values.until} points: ${percent(sums.until)} of the pairs`);
    console.log(
      `  ten largest for certain: ${percent(sums.certain)} of the pairs; right ${percent(sums.exact)} of the time`,
    );
    const seen = Array.from(looking, ([part, found]) => `${found.toFixed(1)} after ${percent(part)}`).join(", ");
    console.log(`  of the ten that lead, among the final ten: ${seen} of the images`);
  }
}

/** The ten units of largest class drop after `to` blocks. */
function leading(
  changes: readonly Change[][],
  limits: LimitFinder,
  to: number,
  before: (own: readonly Change[], to: number) => Change[],
): number[] {
  const largest = changes.map((own) => {
    const nets = new Int32Array(limits.sizes.length);
    for (const { cls, isGain } of before(own, to)) nets[cls] += isGain ? -1 : 1;
    return Math.max(...Array.from(nets, (net, cls) => (limits.sizes[cls] > 0 ? net / limits.seen(cls, to) : -1)));
  });
  return Array.from(largest.keys())
    .sort((a, b) => largest[b] - largest[a] || a - b)
    .slice(0, 10);
}

/** After how many blocks every unit is certain not to be among the ten, or all others are out. */
function leaveOut(
  changes: readonly Change[][],
  limits: LimitFinder,
  count: number,
  before: (own: readonly Change[], to: number) => Change[],
): { out: number[]; exact: number } {
  const out = changes.map(() => count);
  const classes = Array.from(limits.sizes.keys()).filter((cls) => limits.sizes[cls] > 0);
  const level = 1 - 0.05 / (changes.length * classes.length);
  let left = [...changes.keys()];
  for (let to = 2; to < count && left.length > 10; to += 2) {
    const found = left.map((unit) => {
      const own = before(changes[unit], to);
      const all = classes.map((cls) => limits.ofClass(cls, own, to, { level }));
      return {
        unit,
        low: Math.max(...all.map(({ lower }) => lower)),
        high: Math.max(...all.map(({ upper }) => upper)),
      };
    });
    const bar = found.map(({ low }) => low).sort((a, b) => b - a)[9];
    for (const { unit, high } of found) if (high < bar) out[unit] = to;
    left = found.filter(({ high }) => high >= bar).map(({ unit }) => unit);
    if (left.length <= 10) for (const unit of left) out[unit] = to;
  }
  const final = leading(changes, limits, count, before);
  return { out, exact: Number(final.every((unit) => left.includes(unit))) };
}
