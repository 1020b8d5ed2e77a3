/**
 * `npm run site`: the documentation, the page about the paper and the explorer of the demo study, as files that any host
 * can serve and that open from disk.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, normalize, posix, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type NavigationEntry, renderPage } from "./render-page.ts";

/** The most that the site may weigh. */
export const mostBytes: number = 25e6;

/** What goes into a site. */
export interface SiteSource {
  /** The clone: `README.md`, `docs/`. */
  readonly root: string;
  /** Folder of a report; its explorer becomes a part of the site. */
  readonly report?: string | undefined;
  readonly out: string;
}

/** What was written. */
export interface Site {
  readonly out: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** Links that lead nowhere, as `page: link`. */
  readonly broken: readonly string[];
}

/** Files of the clone that a document links to are copied up to this size; what is larger stays behind. */
const mostLinkedBytes = 2e6;

/**
 * Builds the site in an empty or earlier site's folder.
 * @throws if the folder holds something else, or the site is too large for its hosts.
 */
export function buildSite({ root, report, out }: SiteSource): Site {
  requireOwn(out);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const documents = [
    "README.md",
    ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
  ];
  const navigation = navigationOf(documents, report !== undefined);
  const copied = new Set<string>();
  for (const document of documents) {
    const page = pageOf(document);
    const html = renderPage({
      markdown: readFileSync(join(root, document), "utf8"),
      path: page,
      navigation,
      resolve: (href) => {
        if (/^[a-z]+:/.test(href) || href.startsWith("#")) return href;
        const [file = "", anchor] = href.split("#");
        const target = posix.normalize(posix.join(posix.dirname(document), file));
        const suffix = anchor === undefined ? "" : `#${anchor}`;
        if (documents.includes(target)) return posix.relative(posix.dirname(page), pageOf(target)) + suffix;
        const source = join(root, target);
        if (target.startsWith("..") || !existsSync(source)) return href;
        if (!statSync(source).isFile() || statSync(source).size > mostLinkedBytes) return undefined;
        copied.add(target);
        return posix.relative(posix.dirname(page), target) + suffix;
      },
    });
    write(join(out, page), html);
  }
  for (const file of copied) cpSync(join(root, file), join(out, file), { recursive: true });
  cpSync(fileURLToPath(new URL("site.css", import.meta.url)), join(out, "site.css"));
  if (report !== undefined) cpSync(report, join(out, "explorer"), { recursive: true, dereference: true });
  write(join(out, ".nojekyll"), ""); // GitHub's pages would leave out files that begin with an underscore
  const files = filesIn(out);
  const bytes = files.reduce((sum, file) => sum + statSync(join(out, file)).size, 0);
  if (bytes > mostBytes) {
    throw new Error(`site "${out}": expected at most ${mostBytes / 1e6} MB, got ${(bytes / 1e6).toFixed(1)} MB`);
  }
  return { out, files, bytes, broken: brokenLinks(out, files) };
}

/** Links and pictures of the pages whose file or anchor is missing, or that would be fetched from elsewhere. */
function brokenLinks(out: string, files: readonly string[]): string[] {
  const pages = files.filter((file) => file.endsWith(".html") && !file.startsWith("explorer/"));
  const there = new Set(files);
  const anchors = new Map<string, Set<string>>();
  const text = (file: string): string => readFileSync(join(out, file), "utf8");
  const anchorsOf = (file: string): Set<string> => {
    const found = anchors.get(file) ?? new Set(Array.from(text(file).matchAll(/ id="([^"]+)"/g), ([, id = ""]) => id));
    anchors.set(file, found);
    return found;
  };
  return pages.flatMap((page) =>
    Array.from(text(page).matchAll(/<(\w+)[^>]* (?:href|src)="([^"]*)"/g)).flatMap(([, element, link = ""]) => {
      if (link.startsWith("data:")) return [];
      const isElsewhere = /^[a-z]+:|^\/\//.test(link);
      if (isElsewhere) return element === "a" ? [] : [`${page}: ${link}`];
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? page : posix.normalize(posix.join(posix.dirname(page), decodeURIComponent(file)));
      const isBroken =
        !there.has(target) || (anchor !== undefined && !anchorsOf(target).has(decodeURIComponent(anchor)));
      return isBroken ? [`${page}: ${link}`] : [];
    }),
  );
}

/** The pages that every page links to, in the order of a newcomer's questions. */
function navigationOf(documents: readonly string[], hasExplorer: boolean): NavigationEntry[] {
  const wanted: readonly (readonly [label: string, document: string])[] = [
    ["unitscope", "README.md"],
    ["Lesson", "docs/lesson.md"],
    ["The page", "docs/explorer.md"],
    ["Commands", "docs/commands.md"],
    ["Data", "docs/data.md"],
    ["Files", "docs/files.md"],
    ["Statistics", "docs/statistics.md"],
    ["Library", "docs/library.md"],
    ["The paper", "docs/paper.md"],
    ["A hundred classes", "docs/paper-100-classes.md"],
  ];
  const pages = wanted
    .filter(([, document]) => documents.includes(document))
    .map(([label, document]) => ({ label, href: pageOf(document) }));
  const explorer = hasExplorer ? [{ label: "Explorer", href: "explorer/index.html" }] : [];
  return [...pages.slice(0, 1), ...explorer, ...pages.slice(1)];
}

function pageOf(document: string): string {
  return document === "README.md" ? "index.html" : document.replace(/\.md$/, ".html");
}

function requireOwn(out: string): void {
  if (!existsSync(out) || readdirSync(out).length === 0 || existsSync(join(out, "site.css"))) return;
  throw new Error(`site "${out}": expected an empty folder or an earlier site, got other files`);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const [script = "", report, out = "runs/site"] = process.argv.slice(1);
if (normalize(resolve(script)) === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const site = buildSite({ root, report, out });
  for (const link of site.broken) console.error(`broken link: ${link}`);
  if (site.broken.length > 0) process.exitCode = 1;
  console.log(`site: ${site.out} (${site.files.length} files, ${(site.bytes / 1e6).toFixed(1)} MB)`);
}
