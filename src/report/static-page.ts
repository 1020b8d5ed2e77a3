/** `index.html`: what can be read without scripts, and the places where the explorer starts. */
import { escapeText } from "../figures/svg.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { jointCommands } from "../runs/repeat-commands.ts";
import type { Finding } from "./findings.ts";
import type { RunData } from "./page-data.ts";

/** One run as the page introduces it. */
export interface Introduction {
  readonly run: RunData;
  readonly findings: readonly Finding[];
}

/** `a`, `a and b`, `a and 4 other networks`: several runs may be of one network. */
function subjectOf(names: readonly string[]): string {
  const [first = "", ...others] = new Set(names);
  if (others.length < 2) return [first, ...others].join(" and ");
  return `${first} and ${others.length} other networks`;
}

/** The page. Scripts and styles are files beside it, so that a strict content security policy holds. */
export function staticPage(introductions: readonly Introduction[], unitscope: string): string {
  const [first] = introductions;
  const subject = subjectOf(introductions.map(({ run }) => run.model.name.replace(/\.onnx$/i, "")));
  const title = `What each unit of ${subject} is for`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="unitscope ${escapeText(unitscope)}">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="explorer/app.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<div id="app-nav"></div>
<main id="content" tabindex="-1">
<div id="app-view"></div>
<article id="overview">
<header class="title">
<h1>${isolated(title)}</h1>
<p class="lede">Each unit (channel) of a network was removed in turn, and every image classified again. What breaks says what the unit is for.${first ? ` Data: ${isolated(first.run.data.name)}.` : ""}</p>
<noscript><p class="note">Everything below can be read without scripts. With scripts this page also lets you explore every unit, class and image, and remove units live.</p></noscript>
</header>
${introductions.map((each) => runSection(each, introductions.length > 1)).join("\n")}
${closing(introductions, unitscope)}
</article>
</main>
<script defer src="explorer/app.js"></script>
<script defer src="data/page.js"></script>
</body>
</html>
`;
}

function runSection({ run, findings }: Introduction, isNamed: boolean): string {
  const heading = isNamed ? `<h2>${isolated(run.label)}</h2>` : "";
  const units = run.layers.reduce((sum, layer) => sum + layer.units, 0);
  const facts: [string, string][] = [
    ["Network", isolated(run.model.name)],
    [
      "Images",
      `${withCommas(run.data.images)} of ${isolated(run.data.name)}, ${withCommas(run.classNames.length)} classes`,
    ],
    [
      "Accuracy",
      `${(100 * (run.accuracy.correct / run.accuracy.images)).toFixed(1)} % <span class="muted">(${(100 * run.accuracy.low).toFixed(1)} to ${(100 * run.accuracy.high).toFixed(1)} %)</span>`,
    ],
    ["Removed", `${withCommas(units)} units of ${run.layers.map(({ name }) => isolated(name)).join(", ")}, each alone`],
  ];
  return `<section class="run">
${heading}
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>
${run.notes.map((note) => `<p class="note">${escapeText(note)}</p>`).join("")}
<h${isNamed ? 3 : 2}>What was found</h${isNamed ? 3 : 2}>
<ul class="findings">${findings.map(({ text }) => `<li>${isolated(text)}</li>`).join("")}</ul>
<p class="start"><a href="#matrix">Explore every unit</a></p>
${run.figures.map(figure).join("\n")}
</section>`;
}

function figure({ file, caption }: { file: string; caption: string }): string {
  const text = escapeText(caption);
  return `<figure><img src="${escapeText(file)}" alt="${text}" loading="lazy"><figcaption>${text} <a href="${escapeText(file)}" download>Save SVG</a></figcaption></figure>`;
}

function closing(introductions: readonly Introduction[], unitscope: string): string {
  const commands = jointCommands(introductions.map(({ run }) => run.commands)).map(escapeText);
  return `<section class="closing">
<h2>How to repeat it</h2>
<p>With unitscope ${escapeText(unitscope)}; the counts are the same on any machine.</p>
<pre tabindex="0">${commands.join("\n")}</pre>
<p>${introductions.map(({ run }) => `SHA-256 of ${isolated(run.model.name)}: <code>${escapeText(run.model.sha256)}</code>`).join("<br>")}</p>
<h2>How to cite</h2>
<p>The method: Zhou, Sun, Bau and Torralba, <cite>Revisiting the Importance of Individual Units in CNNs via Ablation</cite>, 2018, <a href="https://arxiv.org/abs/1806.02891">arXiv:1806.02891</a>. The software: unitscope ${escapeText(unitscope)}.</p>
<h2>What the words mean</h2>
<dl class="words">
<dt>unit</dt><dd>one channel of a layer, numbered from 0</dd>
<dt>drop</dt><dd>accuracy before minus accuracy after removal, in percentage points: positive means damage</dd>
<dt>lost, gained</dt><dd>images that were right before and wrong after, and the other way round</dd>
<dt>q-value</dt><dd>the share of false discoveries if this effect and all stronger ones are believed; effects with q ≤ 0.05 are called real here</dd>
</dl>
</section>`;
}

/** Text of unknown direction, kept from turning what stands around it. */
function isolated(text: string): string {
  return `<bdi>${escapeText(text)}</bdi>`;
}
