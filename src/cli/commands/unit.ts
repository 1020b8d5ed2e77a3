/** `unitscope unit RUN LAYER UNIT`: one unit's card, in the terminal and as SVG or HTML. */

import { Command } from "commander";
import type { CardPicture, UnitCardData } from "../../commands/unit-card.ts";
import { UnitscopeError } from "../../errors.ts";
import { requireRun } from "../../runs/find-run.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";
import { wholeNumber } from "../option-parsers.ts";
import { points } from "../points.ts";

/** Classes that are listed when none of their drops is significant. */
const leastClasses = 3;

/** The command `unit`. */
export function unitCommand(context: CliContext): Command {
  return new Command("unit")
    .description("one unit's card: attributes, classes that its removal hurts, strongest and most hurt images")
    .argument("<run>", "run folder")
    .argument("<layer>", "name of the layer")
    .argument("<unit>", "number of the unit, from 0", wholeNumber)
    .option("--out <file>", "write the card as a picture (.svg) or a page (.html)")
    .action(async (path: string, layer: string, unit: number, { out }: { out?: string }) => {
      requireRun(path);
      const { drawUnitCard, readUnitCard, unitCardPage } = await import("../../commands/unit-card.ts");
      const { writeFileAtomic } = await import("../../files/atomic-file.ts");
      const { openRun } = await import("../../runs/run-folder.ts");
      const kind = out === undefined ? undefined : /\.(svg|html)$/i.exec(out)?.[1]?.toLowerCase();
      if (out !== undefined && kind === undefined) {
        throw new UnitscopeError("usage", `--out: expected a name that ends in .svg or .html, got "${out}"`);
      }
      const run = openRun(path);
      const card = await readUnitCard(run, layer, unit);
      if (out !== undefined) {
        const svg = await drawUnitCard(run, card);
        writeFileAtomic(out, kind === "svg" ? svg : unitCardPage(card, svg));
      }
      if (context.json) context.print(JSON.stringify({ ...card, file: out ?? null }));
      else {
        for (const line of cardLines(card)) context.print(line);
        if (out !== undefined) context.print(`card: ${out}`);
      }
      if (card.attributes.length === 0)
        context.note(`no attributes yet; compute them with: unitscope attributes ${path}`);
    });
}

/** The card as lines of text. */
export function cardLines(card: UnitCardData): string[] {
  const { layer, unit, unitCount, source, attributes, top, hurt } = card;
  const lines = [`${layer} unit ${unit} of ${unitCount}, ${source}`, headline(card)];
  if (attributes.length > 0) {
    lines.push("", ...formatTable(attributes.map(({ name, value }) => [`  ${name}`, value])));
  }
  lines.push("", ...classLines(card));
  if (top.length > 0) lines.push("", "images with the strongest response", ...formatTable(top.map(topLine)));
  if (hurt.length > 0) {
    lines.push("", "right before, wrong after", ...formatTable(hurt.map(hurtLine)));
  }
  return lines;
}

function headline({ columns, overallDrop, classes }: UnitCardData): string {
  const parts = [`overall drop ${points(overallDrop)} points`];
  const [worst] = classes;
  if (worst && worst.drop > 0) {
    const p = columns["max_class_p_value"];
    const believed = typeof p === "number" ? `, p ${probability(p)} against the maximum by chance` : "";
    parts.push(`max class drop ${points(worst.drop)} points (${worst.name}${believed})`);
  }
  const unbiased = columns["split_half_drop"];
  if (typeof unbiased === "number") parts.push(`split-half ${points(unbiased)}`);
  return parts.join("; ");
}

function classLines({ classes }: UnitCardData): string[] {
  const tested = classes.some(({ qValue }) => qValue !== null);
  const isSure = (q: number | null): boolean => q !== null && q <= 0.05;
  const shown = classes.filter(({ qValue, drop }, at) => isSure(qValue) || (at < leastClasses && drop > 0));
  const sure = classes.filter(({ qValue }) => isSure(qValue)).length;
  const heading = tested
    ? `classes: ${sure} of ${classes.length} effects survive at 5 % false discoveries (*)`
    : "classes";
  const rows = shown.map(({ name, drop, lost, gained, images, qValue }) => [
    `  ${name}`,
    points(drop),
    String(lost),
    String(gained),
    String(images),
    qValue === null ? "-" : probability(qValue),
    isSure(qValue) ? "*" : "",
  ]);
  const header = ["  class", "drop (points)", "lost", "gained", "images", "q", ""];
  if (rows.length === 0) return [heading, "  no class suffers"];
  return [heading, ...formatTable([header, ...rows], { right: [1, 2, 3, 4, 5] })];
}

function topLine({ name, label, response, region }: CardPicture): string[] {
  const inside = region === null ? "" : `region ${(100 * region).toFixed(0)} %`;
  return [`  ${name}`, label, response.toPrecision(4), inside];
}

function hurtLine({ name, label, before, after }: CardPicture): string[] {
  return [`  ${name}`, label === before ? label : `${label} (predicted ${before})`, `→ ${after ?? "?"}`];
}

function probability(value: number): string {
  return value < 0.001 ? value.toExponential(1) : value.toFixed(3);
}
