/** The controls of all claims, as a part of the page. */

import { withCommas } from "../numeric/with-commas.ts";
import type { Controls } from "./controls.ts";

/** Sections with a table each. */
export function controlSections({ network, images, methods, repair, seeds }: Controls, folder: string): string[] {
  return [
    "## What replaces a unit",
    "",
    `Removing a unit puts something in its place: 0, as in the paper (\`zero\`), its mean response (\`mean\`), its responses to other images (\`resample\`), or the constant with which predictions change least (\`optimal\`). \`${network}\` on ${withCommas(images)} images, by each: how far the units' max class drops agree, and how many (unit, class) effects that are real by one (5 % false discoveries) are real by the other too, with the same sign.`,
    "",
    "| layer | by | and by | r of max class drops | rank r | same class, % | effects by the one | by the other | by both |",
    "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ...methods.pairs.map(
      ({ layer, methods: [one, other], maxClassPearson, maxClassSpearman, sameClass, effects, both }) =>
        `| ${layer} | ${one} | ${other} | ${number(maxClassPearson)} | ${number(maxClassSpearman)} | ${percent(sameClass)} | ${effects[0]} | ${effects[1]} | ${both} |`,
    ),
    "",
    `${methods.layers.map(({ layer, methods: all, effects, surviving }) => `${layer}: ${surviving} of the ${effects[all.indexOf("zero")] ?? 0} effects of \`zero\` survive all ${all.length} ways${powerless({ methods: all, effects })}`).join("; ")}. What does not survive is due to the replacement as much as to the unit, or too small by one of the ways to be found on so many images. Table: [methods.csv](${folder}/tables/methods.csv).`,
    "",
    ...(seeds.length > 0 ? seedLines(seeds, folder) : []),
    "## What the layers behind make up for",
    "",
    `The direct effect of removing a unit (everything behind its layer as it is in the intact network) against the total one, as the mean drop of an image's lead over the next class, in logits; \`${network}\`, the same images. *Repaired* is a (unit, class) effect whose total is really smaller than its direct effect, *made worse* one whose total is larger (5 % false discoveries).`,
    "",
    "| layer | direct | total | pairs tested | repaired | made worse |",
    "|---|---:|---:|---:|---:|---:|",
    ...repair.map(
      ({ layer, meanDirect, meanTotal, effects, repaired, worsened }) =>
        `| ${layer} | ${number(meanDirect, 3)} | ${number(meanTotal, 3)} | ${effects} | ${repaired} | ${worsened} |`,
    ),
    "",
  ];
}

/** Ways by which hardly anything is found, so that hardly anything can survive them. */
function powerless({ methods, effects }: { methods: readonly string[]; effects: readonly number[] }): string {
  const most = Math.max(...effects);
  const few = methods.filter((_, at) => effects[at] < 0.1 * most);
  if (few.length === 0) return "";
  return ` (by ${few.map((name) => `\`${name}\``).join(" and ")} hardly any effect is found on so many images at all: that is lack of power, so look at the correlations)`;
}

function seedLines(seeds: Controls["seeds"], folder: string): string[] {
  return [
    "## The same unit in another network",
    "",
    "The units of one plain network matched one to one with those of another seed by their responses to the same images. Two nulls are matched in the same way: images shuffled, and images shuffled within their classes, which is what units share that respond to one class and have nothing else in common. *Pairs beyond these* are those whose r is larger than 95 % of the second null's.",
    "",
    "| layer | seeds | median r | images shuffled | shuffled within classes | pairs beyond these, % | r of max class drops | same class, % | by chance, % |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ...seeds.map(
      (each) =>
        `| ${each.layer} | ${nameOf(each.run)} and ${nameOf(each.other)} | ${number(each.medianCorrelation)} | ${number(each.shuffledMedian)} | ${number(each.withinClassesMedian)} | ${percent(each.beyondClasses)} | ${number(each.maxClassPearson)} | ${percent(each.sameClass)} | ${percent(each.sameClassByChance)} |`,
    ),
    "",
    `Table: [matches.csv](${folder}/tables/matches.csv).`,
    "",
  ];
}

/** A run's folder is called after its network, but for what it is compared on. */
function nameOf(run: string): string {
  return `\`${(run.split(/[\\/]/).at(-1) ?? run).replace(/-compared$/, "")}\``;
}

function number(value: number | null, digits: number = 2): string {
  if (value === null || Number.isNaN(value)) return "–";
  return value
    .toFixed(digits)
    .replace(/^-0\.0*$/, (text) => text.slice(1))
    .replace("-", "−");
}

function percent(share: number | null): string {
  return share === null ? "–" : number(100 * share, 0);
}
