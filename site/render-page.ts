/** One document of the site: Markdown in, a whole page out, with links turned to where things are on the site. */
import { Marked, type Tokens } from "marked";
import { escapeText } from "../src/figures/svg.ts";

/** A page of the navigation. */
export interface NavigationEntry {
  readonly label: string;
  /** From the site's root. */
  readonly href: string;
}

/** What a page is made from. */
export interface PageSource {
  readonly markdown: string;
  /** Where the page lies, from the site's root: `docs/sets.html`. */
  readonly path: string;
  readonly navigation: readonly NavigationEntry[];
  /** What a link in the document becomes; `undefined`: text without a link. */
  readonly resolve: (href: string) => string | undefined;
}

/** Renders a document; headings get the anchors that GitHub gives them. */
export function renderPage({ markdown, path, navigation, resolve }: PageSource): string {
  const title = /^# (.+)$/m.exec(markdown)?.[1]?.replaceAll(/[`*_]/g, "") ?? "unitscope";
  const up = "../".repeat(path.split("/").length - 1);
  const taken = new Map<string, number>();
  const renderer = {
    heading(this: Renderer, { tokens, depth, text }: Tokens.Heading): string {
      const anchor = uniqueAnchor(text, taken);
      return `<h${depth} id="${anchor}"><a class="anchor" href="#${anchor}">${this.parser.parseInline(tokens)}</a></h${depth}>\n`;
    },
    link(this: Renderer, { href, tokens }: Tokens.Link): string {
      const content = this.parser.parseInline(tokens);
      const target = resolve(href);
      return target === undefined ? content : `<a href="${escapeText(target)}">${content}</a>`;
    },
    image({ href, text }: Tokens.Image): string {
      const target = escapeText(resolve(href) ?? href);
      return `<a class="figure" href="${target}"><img src="${target}" alt="${escapeText(text)}" loading="lazy"></a>`;
    },
    table(this: Renderer, token: Tokens.Table): string {
      const cell = ({ tokens, align }: Tokens.TableCell, name: string): string =>
        `<${name}${align ? ` class="${align}"` : ""}>${this.parser.parseInline(tokens)}</${name}>`;
      const row = (cells: readonly Tokens.TableCell[], name: string): string =>
        `<tr>${cells.map((each) => cell(each, name)).join("")}</tr>`;
      const body = token.rows.map((cells) => row(cells, "td")).join("\n");
      return `<div class="wide"><table><thead>${row(token.header, "th")}</thead><tbody>${body}</tbody></table></div>\n`;
    },
    html({ text }: Tokens.HTML | Tokens.Tag): string {
      return text.replaceAll(/<!--[\s\S]*?-->/g, "");
    },
  };
  const body = new Marked({ renderer, async: false }).parse(markdown) as string;
  const links = navigation.map(
    ({ label, href }) =>
      `<a href="${escapeText(up + href)}"${href === path ? ' aria-current="page"' : ""}>${escapeText(label)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title === "unitscope" ? title : `${title} · unitscope`)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${up}site.css">
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header><nav aria-label="Site">${links.join("\n")}</nav></header>
<main id="content">
${body}</main>
</body>
</html>
`;
}

type Renderer = { parser: { parseInline(tokens: Tokens.Generic[]): string } };

/** The anchor that GitHub gives a heading; the second of two alike ends in `-1`. */
function uniqueAnchor(text: string, taken: Map<string, number>): string {
  const plain = text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  const anchor = plain
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
  const seen = taken.get(anchor) ?? 0;
  taken.set(anchor, seen + 1);
  return seen === 0 ? anchor : `${anchor}-${seen}`;
}
