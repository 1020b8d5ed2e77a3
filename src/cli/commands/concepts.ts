/** `unitscope concepts`: checks a segmented image set before it is used to name units. */
import { Command, Option } from "commander";
import type { ConceptSplit } from "../../concepts/broden.ts";
import type { ConceptReport } from "../../concepts/check-concepts.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";

/** Problems that are listed one by one before the rest is summed up; `--json` has all of them. */
const LISTED = 20;
/** Concepts that are listed for every category, those in most images first; `--json` has all of them. */
const CONCEPTS_LISTED = 6;

/** The command `concepts` with its subcommand. */
export function conceptsCommand(context: CliContext): Command {
  const concepts = new Command("concepts").description("segmented image sets that name what units respond to");
  concepts
    .command("check")
    .summary("what a segmented image set holds, and whether all of it can be read")
    .description(
      "Read every image and label map of a segmented image set and tell what it holds; exit code 1 if an image " +
        "cannot be used. The folder is Broden (index.csv, label.csv), COCO (annotations.json), images beside label " +
        "PNGs with a list of names (as ADE20K, CamVid and Pascal VOC), or concepts.json; `builtin` is the rendered set.",
    )
    .argument("<dir>", "folder, or builtin")
    .addOption(new Option("--split <split>", "part of the set").choices(["train", "val", "all"]).default("all"))
    .action((folder: string, { split }: { split: ConceptSplit }) => check(context, folder, split));
  return concepts;
}

async function check(context: CliContext, folder: string, split: ConceptSplit): Promise<void> {
  const { renderedConcepts } = await import("../../concepts/builtin-concepts.ts");
  const { checkConcepts } = await import("../../concepts/check-concepts.ts");
  const { openConcepts } = await import("../../concepts/open-concepts.ts");
  const set = folder === "builtin" ? renderedConcepts() : await openConcepts(folder, { split });
  const shown = context.progress("checking", set.imageCount, "images");
  let report: ConceptReport;
  try {
    report = await checkConcepts(set, { signal: context.signal, progress: (done) => shown.update(done) });
  } finally {
    shown.finish();
  }
  if (report.problems.length > 0) context.failed();
  if (context.json) return context.print(JSON.stringify(report));
  for (const line of describe(report)) context.print(line);
  for (const problem of report.problems.slice(0, LISTED)) context.print(problem);
  const more = report.problems.length - LISTED;
  if (more > 0) context.print(`and ${withCommas(more)} more; --json lists them all`);
}

function describe(report: ConceptReport): string[] {
  const { name, format, images, problems, labelSizes, categories, concepts } = report;
  const number = (value: number): string => withCommas(value);
  const sizes = labelSizes
    .slice(0, 3)
    .map(({ size, images: count }) => `${size} (${number(count)})`)
    .join(", ");
  const rows = categories.map(({ category, concepts: count, unused, images: shown }) => {
    const most = concepts
      .filter((concept) => concept.category === category && concept.images > 0)
      .sort((a, b) => b.images - a.images || b.coverage - a.coverage)
      .slice(0, CONCEPTS_LISTED)
      .map((concept) => `${concept.name} ${number(concept.images)}`);
    return [category, number(count), number(unused), number(shown), most.join(", ")];
  });
  return [
    `${name}: ${format}, images: ${number(images)}, concepts: ${number(concepts.length)}`,
    `label maps: ${sizes}${labelSizes.length > 3 ? `, and ${labelSizes.length - 3} more sizes` : ""}`,
    ...formatTable([["category", "concepts", "unused", "images", "in most images"], ...rows], { right: [1, 2, 3] }),
    problems.length === 0
      ? "every image and label map can be read"
      : `${number(problems.length)} of ${number(images)} images cannot be used`,
  ];
}
