/** The page that puts the paper's claims beside what was measured. Written by a program from measured numbers only. */

import { withCommas } from "../numeric/with-commas.ts";
import { type Finding, listed, type Picture, points } from "./claims/claim.ts";
import { type ControlledClaim, controlRule, controlWords } from "./claims/control.ts";
import { verdictMarks as marks, type Verdict, verdictRules } from "./claims/judgement.ts";
import { ruleChanges } from "./claims/rule-changes.ts";
import type { Controls } from "./controls.ts";
import { controlSections } from "./controls-page.ts";
import { conceptSet } from "./plan.ts";
import type { Study } from "./studies.ts";

/** What the page says about one network. */
export interface PageNetwork {
  readonly name: string;
  readonly variant: string;
  readonly seed: number;
  /** What else must be known of it; may be empty. */
  readonly note: string;
  /** Fraction of the test images right. */
  readonly accuracy: number;
}

/** The same claims judged by other networks on other images. */
export interface StudyBeside {
  /** What its column is called: `100 classes`. */
  readonly name: string;
  readonly claims: readonly Pick<ControlledClaim, "id" | "verdict" | "headline">[];
}

/** Everything on the page. */
export interface PageData {
  readonly unitscope: string;
  readonly study: Pick<Study, "column" | "images" | "task">;
  /** `ofEveryClass`: images of a class that all is measured on but conv4 and conv5 of the main network. */
  readonly images: { readonly name: string; readonly count: number; readonly ofEveryClass: number };
  readonly networks: readonly PageNetwork[];
  /** Networks that the reproduction is meant to have and that are not there, by name. */
  readonly missing: readonly string[];
  /** Other studies, a column each. */
  readonly beside: readonly StudyBeside[];
  /** How the networks were trained, as a picture; `null` where their logs are not at hand. */
  readonly trainings: Picture | null;
  readonly claims: readonly ControlledClaim[];
  readonly controls: Controls;
  /** What the steps took together, in milliseconds, and on what. */
  readonly elapsedMs: number;
  readonly hardware: { readonly cpu: string; readonly cores: number };
  /** Whether the project's other documents are beside the page. */
  readonly isInDocs: boolean;
  /** Images of every class, where not all were used. */
  readonly limit: number | null;
}

/** Words of the table, for whoever has just come. */
const words: readonly (readonly [word: string, meaning: string])[] = [
  [
    "class drop without the luck of choosing",
    "the largest of many noisy drops is too large. So the class is chosen on one half of the images and its drop measured on the other (*split half*)",
  ],
  [
    "a unit singles out a class",
    "its damage to one class is more than a unit would do whose damage is spread over classes as that of the layer's other units is",
  ],
  [
    "divided by its ceiling",
    "drops are measured with noise, so no attribute can correlate with them perfectly; the ceiling is the largest correlation that the noise leaves room for",
  ],
  [
    "networks that learned nothing",
    "random convolutions under a trained head: what they show as well cannot be due to what convolutions learn",
  ],
];

/**
 * The page as Markdown.
 * @param folder the folder of its figures and tables, relative to the page.
 */
export function paperPage(data: PageData, folder: string): string {
  const place = encodeURI(folder).replaceAll("(", "%28").replaceAll(")", "%29");
  return `${[...head(data, place), ...data.claims.flatMap((claim) => section(claim, place)), ...controlSections(data.controls, place), ...foot(data)].join("\n")}\n`;
}

function head(data: PageData, folder: string): string[] {
  const { study, images, networks, trainings, claims, beside, elapsedMs, hardware, unitscope, limit } = data;
  const counts = (Object.keys(marks) as Verdict[])
    .map((verdict) => ({ verdict, count: claims.filter((claim) => claim.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict}`);
  const statements = claims.flatMap(({ judged }) => judged.filter(({ outcome }) => outcome !== "unasked")).length;
  const other = ({ id }: ControlledClaim): string =>
    beside
      .map((study) => study.claims.find((claim) => claim.id === id))
      .map((claim) => (claim ? ` ${otherInShort(claim)} |` : " |"))
      .join("");
  return [
    "# The paper, claim by claim",
    "",
    `Zhou, Sun, Bau and Torralba, [*Revisiting the Importance of Individual Units in CNNs via Ablation*](https://arxiv.org/abs/1806.02891) (2018), repeated on ${study.images} with networks that this project trained. \`unitscope reproduce\` writes this page, and measures every result on it.`,
    "",
    `Of ${claims.length} claims: ${counts.join(", ")}. The paper's networks tell 365 scenes (Places365) or 1,000 objects (ImageNet) apart at 224×224 pixels; ours tell ${study.task}. So what can be the same is the direction and the order of magnitude, not the figure. The claims are in our words. Drops are in points of accuracy, and positive means damage (the paper plots the opposite sign).`,
    "",
    ...words.map(([word, meaning]) => `- **${word}**: ${meaning}.`),
    "",
    ...(limit === null
      ? []
      : [
          `**A quick look: only the first ${limit} images of every class were used, and a concept set of ${conceptSet(limit).split(":")[1]} images; intervals are wide.**`,
          "",
        ]),
    `| claim | the paper's numbers, or where it says so | here, ${study.column} | statements | networks that learned nothing | measured (95 % interval) |${beside.map(({ name }) => ` ${name} |`).join("")}`,
    `|---|---|---|---|---|---|${beside.map(() => "---|").join("")}`,
    ...claims.map(
      (claim) =>
        `| [${claim.title}](#${anchorOf(claim.title)}) | ${claim.numbers === "" ? claim.where : claim.numbers} | ${marks[claim.verdict]} | ${claim.held} | ${controlInShort(claim, data)} | ${claim.headline} |${other(claim)}`,
    ),
    "",
    `Every statement of a claim, at every place where it is asked, *holds*, is *weaker* (the paper's way, but clearly smaller), is decided *against*, or is *open*, when the interval does not decide. Each interval is one of 95 %, and there are ${statements} statements: were nothing there, one or two would be decided the one way and as many the other. A verdict of *same* needs all of a claim's statements, but a single one *against* may be chance, also where it makes a claim of two statements *contradicted*. The verdict on a claim is then:`,
    "",
    ...verdictRules.map(([verdict, meaning]) => `- **${verdict}**: ${meaning}.`),
    "",
    controlRule,
    "",
    "<details>",
    "<summary>how the rules have changed since they were first written, and what that did</summary>",
    "",
    "The rules were written after the first of these networks had been measured under looser ones. Since then:",
    "",
    ...ruleChanges.map((change) => `- ${change}`),
    "",
    "</details>",
    "",
    "## The networks",
    "",
    `Trained by \`unitscope train\` on the training images of ${study.images} (${link(data, "training.md", "how")}); where nothing else is said, results are measured on ${withCommas(images.count)} test images (\`${images.name}\`). Several networks together, conv1 to conv3, rotations, and unit sets chosen on the images that they are measured on: the first ${images.ofEveryClass} images of every class. All AlexNets of this page were trained by one schedule, except that heads on random convolutions learned at a tenth of its rate; ResNet-18 has its own.`,
    "",
    "| file in `models/` | variant | seed | right |",
    "|---|---|---:|---:|",
    ...networks.map(
      ({ name, variant, seed, note, accuracy }) =>
        `| \`${name}.onnx\` | ${variant}${note === "" ? "" : ` (${note})`} | ${seed} | ${points(accuracy)} % |`,
    ),
    "",
    ...(data.missing.length > 0
      ? [
          `${networks.length} of the ${networks.length + data.missing.length} networks that this page is meant for were there. Missing, and not counted anywhere: ${listed(data.missing.map((name) => `\`${name}\``))}.`,
          "",
        ]
      : []),
    ...(trainings === null ? [] : picture(`${folder}/figures/${trainings.file}`, trainings.shows, 1)),
    `The whole reproduction took ${minutes(elapsedMs)} on ${hardware.cores} cores (${hardware.cpu}), with unitscope ${unitscope}.`,
    "",
  ];
}

/** A claim of another study in a cell of the table. */
function otherInShort({ verdict, headline }: StudyBeside["claims"][number]): string {
  return headline === "–" ? marks[verdict] : `${marks[verdict]}: ${headline}`;
}

/** A claim's control in a cell of the table. */
function controlInShort({ control }: ControlledClaim, { networks }: PageData): string {
  if (!control)
    return networks.some(({ variant }) => variant === "random convolutions") ? "– not asked" : "– none there";
  const { verdict, outcome } = control;
  return outcome === "unasked" ? marks[verdict] : `${marks[verdict]}; ${controlWords[outcome]}`;
}

function controlLines({ control }: ControlledClaim): string[] {
  if (!control) return [];
  const { verdict, held, networks, outcome, findings } = control;
  return [
    `Networks that learned nothing (${networks}), by the same rule: **${marks[verdict]}** (${held})${outcome === "unasked" ? "" : `, **${controlWords[outcome]}**`}.`,
    "",
    ...(findings.length > 0 ? [...findingTable(findings), ""] : []),
  ];
}

function section(claim: ControlledClaim, folder: string): string[] {
  const { title, where, paper, numbers, verdict, held, rule, why, headline, findings, intervals, pictures, tables } =
    claim;
  return [
    `## ${title}`,
    "",
    `**${marks[verdict]}** (${held}) · ${where}`,
    "",
    `- **The paper:** ${paper}${numbers === "" ? "" : ` (${numbers})`}`,
    `- **Here:** ${[why, headline === "–" ? "" : `${headline}.`].filter((text) => text !== "").join(" ")}`.replace(
      "..",
      ".",
    ),
    `- **The rule:** ${rule}`,
    "",
    ...(findings.length > 0 ? [...findingTable(findings), ""] : []),
    ...controlLines(claim),
    `Intervals: ${intervals}. Tables: ${tables.map((file) => `[${file}](${folder}/tables/${file})`).join(", ")}.`,
    "",
    ...pictures.flatMap(({ file, shows }, at) => picture(`${folder}/figures/${file}`, shows, at)),
  ];
}

/** The anchor of a heading, as GitHub and its like make it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** A link to another document of the project, or its name where it is not beside the page. */
function link({ isInDocs }: PageData, file: string, text: string = file): string {
  return isInDocs ? `[${text}](${file})` : `${text}: docs/${file} of the project`;
}

/** The first picture is shown, the others stand behind a line that opens them. */
function picture(path: string, shows: string, at: number): string[] {
  const image = `![${shows}](${path})`;
  if (at === 0) return [image, ""];
  return ["<details>", `<summary>${shows}</summary>`, "", image, "", "</details>", ""];
}

/** One row per place that was looked at, one column per measure. */
function findingTable(findings: readonly Finding[]): string[] {
  const rows = [...new Set(findings.map(({ row }) => row))];
  const columns = [...new Set(findings.map(({ column }) => column))];
  const unit = (column: string): string => unitOf(findings.find((each) => each.column === column));
  return [
    `| | ${columns.map((column) => `${column}${unit(column)}`).join(" | ")} |`,
    `|---|${columns.map(() => "---:|").join("")}`,
    ...rows.map((row) => {
      const cells = columns.map((column) => cell(findings.find((each) => each.row === row && each.column === column)));
      return `| ${row} | ${cells.join(" | ")} |`;
    }),
  ];
}

function cell(found: Finding | undefined): string {
  if (!found) return "";
  const { value, low, high, unit } = found;
  if (low === null || high === null) return show(found, value);
  // A share lies between none and all, whatever its interval's method says.
  const ends = [low, high].map((end) => (unit === "percent" ? Math.min(1, Math.max(0, end)) : end));
  return `${show(found, value)} (${ends.map((end) => show(found, end, true)).join(" to ")})`;
}

/** @param isEnd of an interval: one that would read as 0 gets the digits that show its side. */
function show({ unit }: Finding, value: number | null, isEnd: boolean = false): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const text = (digits: number, factor: number = 1): string => {
    const rounded = (factor * value).toFixed(digits);
    if (Number(rounded) !== 0) return rounded.replace("-", "−");
    return isEnd && value !== 0 && digits < 4 ? text(digits + 1, factor) : (0).toFixed(digits);
  };
  if (unit === "points") return text(2, 100);
  if (unit === "percent") return text(1, 100);
  if (unit === "probability" && value > 0 && value < 0.001)
    return value
      .toExponential(0)
      .replace("e-", " · 10⁻")
      .replace(/⁻(\d+)$/, (_, digits: string) => `⁻${superscript(digits)}`);
  return text(unit === "probability" ? 3 : 2);
}

function superscript(digits: string): string {
  return Array.from(digits, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}

function unitOf(found: Finding | undefined): string {
  return found?.unit === "percent" ? ", %" : found?.unit === "points" ? ", points" : "";
}

function minutes(elapsedMs: number): string {
  const seconds = Math.round(elapsedMs / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function foot(data: PageData): string[] {
  return [
    "## On ImageNet and Places365",
    "",
    "The same commands run on the paper's own data, for whoever has the images and a GPU; that has not been done here. Folders hold one subfolder per class, as Places365's standard download and most copies of ImageNet do:",
    "",
    "```sh",
    "unitscope train alexnet places365_standard/train --test places365_standard/val --image-size 224 --batch 128 --epochs 60 \\",
    "  --lr 0.01 --provider cuda --out alexnet-places.onnx          # add --batch-norm, --channel-dropout conv5=0.5, --seed N",
    "unitscope ablate alexnet-places.onnx places365_standard/val --layers conv4,conv5 --out runs/places",
    "unitscope attributes runs/places --concepts broden1_227        # Network Dissection's data set, or --concepts builtin",
    "unitscope sets runs/places --layers conv5",
    "unitscope rotate runs/places --layers conv5",
    "unitscope figures runs/places --sign paper",
    "unitscope compare runs/places runs/places-bn runs/places-dropout --layers conv4,conv5",
    "unitscope predict runs/places runs/places-2 runs/places-3 runs/places-4 runs/places-5 --train 3",
    "```",
    "",
    `A network that others have trained serves as well, once it is an ONNX file: \`unitscope ablate alexnet_places365.onnx places365_standard/val --preprocess places365\`. What a sweep costs at 224×224 was measured: ${link(data, "performance.md")}. How the networks are defined at that size: ${link(data, "training.md")}.`,
  ];
}
