/** `unitscope data`, with a context that remembers what it was told. */
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { dataCommand } from "../../src/cli/commands/data.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { folderOf, noise, png } from "./pictures.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Runs the command; gives its lines, the titles of its progress, and whether it said that a check failed. */
async function run(
  args: readonly string[],
  { json = false } = {},
): Promise<{ lines: string[]; titles: string[]; hasFailed: boolean }> {
  const lines: string[] = [];
  const titles: string[] = [];
  let hasFailed = false;
  const context: CliContext = {
    print: (line) => lines.push(line),
    note: () => undefined,
    progress: (title) => ({ below: () => undefined, update: () => undefined, finish: () => titles.push(title) }),
    failed: () => {
      hasFailed = true;
    },
    signal: new AbortController().signal,
    json,
  };
  await dataCommand(context).parseAsync(args, { from: "user" });
  return { lines, titles, hasFailed };
}

const good = await png(noise(1, 6, 4));

afterEach(() => vi.unstubAllEnvs());

describe("unitscope data", () => {
  it("lists the named data sets and whether they are there", async () => {
    vi.stubEnv("UNITSCOPE_CACHE", await temporaryFolder());
    const { lines } = await run([]);
    expect(lines.map((line) => line.split("  ")[0])).toEqual([
      "cifar10:train, cifar10:test",
      "mnist:train, mnist:test",
      "fashion-mnist:train, fashion-mnist:test",
      "tiny-imagenet:train, tiny-imagenet:test",
      "tiny-imagenet-100:train, tiny-imagenet-100:test",
    ]);
    expect(lines[0]).toMatch(/\(139 MB to fetch\)$/);
    const { lines: json } = await run(["list"], { json: true });
    expect(JSON.parse(json[0] ?? "")).toMatchObject([{ name: "cifar10", fetched: false }, {}, {}, {}, {}]);
  });

  it("refuses to pull what it does not know", async () => {
    await expect(run(["pull", "imagenet"])).rejects.toThrow(
      'data: expected one of cifar10, mnist, fashion-mnist, tiny-imagenet, tiny-imagenet-100, got "imagenet"',
    );
  });

  it("checks an image set", async () => {
    const folder = await folderOf({ "cat/1.png": good, "cat/2.png": good, "dog/1.png": await png(noise(2, 5, 5)) });
    const { lines, titles, hasFailed } = await run(["check", folder]);
    expect(hasFailed).toBe(false);
    expect(lines.filter((line) => !line.startsWith("hash"))).toEqual([
      `data         ${folder}`,
      "images       3",
      "classes      2",
      "per class    1 to 2",
      "  cat  2",
      "  dog  1",
      "sizes        6×4: 2",
      "             5×5: 1",
      "copies       1 with the pixels of another image, 0 of them of another class",
      "undecodable  none",
    ]);
    expect(titles).toEqual([`reading ${folder}`, `decoding ${folder}`]);
  });

  it("finds every image that cannot be decoded, and fails", async () => {
    const folder = await folderOf({
      "list.txt": "good.png 0\nbroken.png 0\nmissing.png 0\n",
      "good.png": good,
      "broken.png": good.subarray(0, 50),
    });
    const { lines, hasFailed } = await run(["check", join(folder, "list.txt")], { json: true });
    expect(hasFailed).toBe(true);
    const report = JSON.parse(lines[0] ?? "") as { undecodable: { name: string; reason: string }[] };
    expect(report.undecodable.map(({ name }) => name)).toEqual(["broken.png", "missing.png"]);
    expect(report.undecodable[1]?.reason).toContain("missing.png: expected an image file, got none there");
  });

  it("takes --root and --limit, and refuses a limit that is none", async () => {
    const images = await folderOf({ "1.png": good, "2.png": good });
    const list = join(await folderOf({ "list.txt": "1.png 0\n2.png 0\n" }), "list.txt");
    const { lines } = await run(["check", list, "--root", images, "--limit", "1"]);
    expect(lines).toContain("images       1");
    await expect(run(["check", list, "--limit", "0"])).rejects.toMatchObject({
      code: "usage",
      message: '--limit: expected a whole number of images per class from 1, got "0"',
    });
  });

  it("counts labels of which an image may have several, and says which cannot be measured", async () => {
    const rows = ["path,dog,cat,boat,age,sure", "a.png,1,0,1,7,1", "b.png,0,1,1,8,-1", "c.png,0,,1,9,0"];
    const folder = await folderOf({
      "tags.csv": rows.join("\n"),
      "labels.txt": "boat\ndog\nplane\n",
      ...{ "a.png": good, "b.png": good, "c.png": await png(noise(3, 6, 4)) },
    });
    const table = join(folder, "tags.csv");
    const { lines, hasFailed } = await run(["check", table, "--label", "dog,cat"]);
    expect(hasFailed).toBe(true);
    expect(lines.filter((line) => !line.startsWith("hash"))).toEqual([
      `data         ${table}`,
      "images       3",
      "sizes        6×4: 3",
      "copies       1 with the pixels of another image",
      "undecodable  none",
      "labels       2",
      "  label  with  without  missing",
      "  dog       1        2        0",
      "  cat       1        1        1",
      "cannot be measured:",
      `  cat: ${table}:4: "cat": expected 0 or 1 (or -1 or 1), got nothing`,
    ]);
    expect((await run(["check", table, "--label", "dog"])).hasFailed).toBe(false);
    const all = await run(["check", table, "--label", "all"], { json: true });
    expect(all.hasFailed).toBe(false); // age may be no label
    const found = (JSON.parse(all.lines[0]) as { labels: Record<string, unknown>[] }).labels;
    expect(found.map(({ label, having, without, missing }) => [label, having, without, missing])).toEqual([
      ["dog", 1, 2, 0],
      ["cat", 1, 1, 1],
      ["boat", 3, 0, 0],
      ["age", 0, 0, 3],
      ["sure", 1, 2, 0],
    ]);
    expect(found.map(({ problem }) => problem)).toEqual([
      undefined,
      expect.stringContaining("got nothing"),
      expect.stringContaining("got 3 with and 0 without"),
      expect.stringContaining('got "7"'),
      expect.stringContaining("may mean that one is not sure"),
    ]);
    const own = await run(["check", table, "--label", "all", "--classes", join(folder, "labels.txt")]);
    expect(own.hasFailed).toBe(true);
    expect(own.lines.at(-1)).toContain('plane: data "');
    await expect(run(["check", table, "--label", "dgo"])).rejects.toThrow('got "dgo"; the nearest is "dog"');
    await expect(run(["check", table, "--classes", "imagenet"])).rejects.toThrow("--classes: expected --label with it");
  });

  it("counts labels in lists, none of which is a label too, and classes of folders", async () => {
    const folder = await folderOf({ "tags.csv": "path,tags\na.png,dog;cat\nb.png,\n", "a.png": good, "b.png": good });
    const { lines } = await run(["check", join(folder, "tags.csv"), "--label", "all"]);
    expect(lines.slice(-2)).toEqual(["  cat       1        1        0", "  dog       1        1        0"]);
    const classes = await folderOf({ "cat/1.png": good, "dog/1.png": good, "dog/2.png": good });
    const { lines: own } = await run(["check", classes, "--label", "dog"]);
    expect(own.at(-1)).toBe("  dog       2        1        0");
  });
});
