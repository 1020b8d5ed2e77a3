/** Images with several labels: lists of them and columns of 0 and 1, in every source; and what is refused. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it, test } from "vitest";
import type { ImageSet } from "../../src/data/image-set.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { selectImages } from "../../src/data/select-images.ts";
import { tar } from "./archives.ts";
import { npz } from "./npz.ts";
import { folderOf, noise, png } from "./pictures.ts";

const [a, b, c] = (await Promise.all([0, 1, 2].map((seed) => png(noise(seed, 5, 4))))) as [Buffer, Buffer, Buffer];
const images = { "1.png": a, "2.png": b, "3.png": c };

/** The images with a label, by their numbers. */
function having(set: ImageSet, label: string): number[] {
  const present = set.severalLabels?.read(set.classNames.indexOf(label)).present ?? [];
  return [...present].flatMap((is, image) => (is === 1 ? [image] : []));
}

async function listed(text: string, name = "list.csv"): Promise<ImageSet> {
  return openImageSet(join(await folderOf({ ...images, [name]: text }), name), { severalLabels: true });
}

describe("lists", () => {
  it("have labels in one column, or none, by name or number", async () => {
    const named = await listed('path,labels\n1.png,dog;cat\n2.png,\n3.png,"tree | dog"\n');
    expect(named.classNames).toEqual(["cat", "dog", "tree"]);
    expect(["cat", "dog", "tree"].map((name) => having(named, name))).toEqual([[0], [0, 2], [2]]);
    const numbered = await listed("1.png 2;0\n2.png 1\n", "list.txt");
    expect(["0", "1", "2"].map((name) => having(numbered, name))).toEqual([[0], [1], [0]]);
    expect(having(selectImages(named, [2, 1]), "dog")).toEqual([0]);
  });

  it("have a column for each label, with 0 and 1 or -1 and 1, among others", async () => {
    const text = ",image_id,Dog,Tree,Age\n0,1.png,1,-1,33\n1,2.png,0.0,1,\n2,3.png,True,-1.0,x\n";
    const set = await listed(text);
    expect(having(set, "Dog")).toEqual([0, 2]);
    expect([having(set, "Tree"), set.severalLabels?.read(2).isSigned]).toEqual([[1], true]);
    expect([set.severalLabels?.kind, set.imageName(1)]).toEqual(["columns", "2.png"]);
    expect(() => having(set, "Age")).toThrow('list.csv:2: "Age": expected 0 or 1 (or -1 or 1), got "33"');
    const celeba = await listed("3\n Bald  Young\n1.png -1  1\n2.png  1 -1\n3.png  1  1\n", "list_attr.txt");
    expect([having(celeba, "Bald"), having(celeba, "Young")]).toEqual([
      [1, 2],
      [0, 2],
    ]);
    expect(celeba.hash).toBe(set.hash); // that of the images: labels come in with the one that is measured
  });

  test.each([
    [
      "path,dog\n1.png,1\n2.png,0\n3.png,-1\n",
      /"dog": expected 0 and 1, or -1 and 1, got 0 .*csv:3\) and -1 .*csv:4\)/,
    ],
    ["path,dog\n1.png,1\n2.png,\n", /list\.csv:3: "dog": expected 0 or 1 \(or -1 or 1\), got nothing/],
    ["path,dog\n1.png,1\n2.png,2\n", /list\.csv:3: "dog": expected 0 or 1 .*, got "2"/],
    ["path,dog,cat\n1.png,1\n", /list\.csv:2: expected an image's path and 2 more fields/],
    ["path,label,tags\n1.png,dog,cat\n", /expected one column of labels, got "label" and "tags"/],
    ["path,label\n1.png,dog;dog\n", /expected each label of an image once, got "dog;dog"/],
    ["path,label\n1.png,\n2.png,\n", /expected labels, got none on any image/],
  ])("%j is refused", async (text, message) => {
    await expect(listed(text).then((set) => having(set, "dog"))).rejects.toThrow(message);
  });

  test.each([
    [
      "path,labels\n1.png,dog;cat\n",
      /csv:2: expected "path label" with one label, got .*; where images .* option "label"/,
    ],
    ["path,labels\n1.png,dog\n2.png,\n", /csv:3: expected "path label" with a class's name, got .* option "label"/],
    [
      "path,dog,cat\n1.png,1,0\n",
      /expected a column of labels .*, got "dog", "cat"; where every label .* option "label"/,
    ],
    ["2\nDog Cat\n1.png 1 -1\n2.png 1 1\n", /expected a column of labels .*, got "Dog", "Cat"/],
  ])("%j as one label an image is refused, and told what to do", async (text, message) => {
    const list = join(await folderOf({ ...images, "list.csv": text }), "list.csv");
    await expect(openImageSet(list)).rejects.toThrow(message);
  });
});

const listOf = (name: string, type: "INT32" | "BYTE_ARRAY" | "BOOLEAN"): object[] => [
  { name, num_children: 1, repetition_type: "OPTIONAL", converted_type: "LIST" },
  { name: "list", num_children: 1, repetition_type: "REPEATED" },
  { name: "element", type, repetition_type: "OPTIONAL", ...(type === "BYTE_ARRAY" && { converted_type: "UTF8" }) },
];

/** A Parquet file of the three images and columns of our own. */
async function parquet(
  columns: Readonly<Record<string, readonly unknown[]>>,
  schema: readonly object[],
  kvMetadata: { key: string; value: string }[] = [],
): Promise<string> {
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: "image", data: [a, b, c] },
      ...Object.entries(columns).map(([name, data]) => ({ name, data: [...data] })),
    ],
    schema: [
      { name: "root", num_children: 1 + Object.keys(columns).length },
      { name: "image", type: "BYTE_ARRAY", repetition_type: "REQUIRED" },
      ...schema,
    ] as NonNullable<Parameters<typeof parquetWriteBuffer>[0]["schema"]>,
    kvMetadata,
  });
  const path = join(await folderOf({}), "images.parquet");
  await writeFile(path, new Uint8Array(bytes));
  return path;
}
const several = (path: string): Promise<ImageSet> => openImageSet(path, { severalLabels: true });

describe("Parquet", () => {
  it("has lists of names, or of numbers with names from Hugging Face's metadata", async () => {
    const names = await several(
      await parquet({ labels: [["dog", "cat"], [], ["dog"]] }, listOf("labels", "BYTE_ARRAY")),
    );
    expect([names.classNames, having(names, "dog"), having(names, "cat")]).toEqual([["cat", "dog"], [0, 2], [0]]);
    const feature = { feature: { names: ["cat", "dog", "tree"], _type: "ClassLabel" }, _type: "Sequence" };
    const metadata = [{ key: "huggingface", value: JSON.stringify({ info: { features: { labels: feature } } }) }];
    const numbers = await several(await parquet({ labels: [[1, 0], [1], []] }, listOf("labels", "INT32"), metadata));
    expect([numbers.classNames, having(numbers, "dog"), having(numbers, "tree")]).toEqual([
      ["cat", "dog", "tree"],
      [0, 1],
      [],
    ]);
  });

  it("has lists of 0 and 1 for each label, or columns", async () => {
    const lists = [
      [1, 0, 1],
      [0, 0, 1],
      [0, 0, 0],
    ];
    const matrix = await several(await parquet({ labels: lists }, listOf("labels", "INT32")));
    expect([matrix.severalLabels?.kind, having(matrix, "0"), having(matrix, "2")]).toEqual(["matrix", [0], [0, 1]]);
    const schema = [
      { name: "dog", type: "BOOLEAN", repetition_type: "REQUIRED" },
      { name: "tree", type: "INT64", repetition_type: "OPTIONAL" },
    ];
    const path = await parquet({ dog: [true, false, true], tree: [1n, null, 0n] }, schema);
    const columns = await several(path);
    expect([columns.classNames, having(columns, "dog")]).toEqual([
      ["dog", "tree"],
      [0, 2],
    ]);
    expect(() => having(columns, "tree")).toThrow('row 1: "tree": expected 0 or 1 (or -1 or 1), got nothing');
    await expect(openImageSet(path)).rejects.toThrow(/got "image", "dog", "tree"; where .* option "label"/);
  });

  it("refuses what may be either, and lists as one label an image", async () => {
    const either = await parquet(
      {
        labels: [
          [1, 0],
          [0, 1],
          [1, 0],
        ],
      },
      listOf("labels", "INT32"),
    );
    await expect(several(either)).rejects.toThrow(/got lists of one 0 and one 1, which may be either/);
    await expect(openImageSet(either)).rejects.toThrow(
      /row 0: "labels": expected a class index or name, .* option "label"/,
    );
  });
});

describe("tars", () => {
  const archive = async (labels: readonly [string, string, string], ending = "json"): Promise<string> => {
    const files = { "1.png": a, "2.png": b, "3.png": c };
    const own = Object.fromEntries(labels.map((text, image) => [`${image + 1}.${ending}`, text]));
    return join(await folderOf({ "a.tar": tar({ ...files, ...own }) }), "a.tar");
  };

  test.each([
    [['{"labels": ["dog", "cat"]}', '{"labels": []}', '{"labels": "dog|tree"}'], "json", "dog", [0, 2]],
    [
      ['{"label": {"dog": 1, "cat": 0}}', '{"label": {"cat": 1, "dog": 0}}', '{"label": {"cat": 0, "dog": 1}}'],
      "json",
      "dog",
      [0, 2],
    ],
    [['{"dog": -1, "who": "me"}', '{"dog": 1}', '{"dog": 1}'], "json", "dog", [1, 2]],
    [["[1, 0, 0]", "[0, 1, 1]", "[0, 0, 1]"], "json", "2", [1, 2]],
    [["0 2", "1", "2,1"], "cls", "2", [0, 2]],
    [["dog\ncat", "hot dog", "dog"], "txt", "dog", [0, 2]],
  ] as const)("%j", async (labels, ending, label, expected) => {
    const path = await archive(labels, ending);
    expect(having(await several(path), label)).toEqual(expected);
  });

  it("must say of every image, in one place", async () => {
    const lacking = await several(await archive(['{"dog": 1}', '{"cat": 1}', '{"dog": 0}']));
    expect(() => having(lacking, "dog")).toThrow('"2.json": "dog": expected 0 or 1 (or -1 or 1), got nothing');
    const twice = await archive(['{"label": "dog", "tags": ["cat"]}', "{}", "{}"]);
    await expect(several(twice)).rejects.toThrow('"1.json": expected labels in one place, got "label" and "tags"');
    const lists = await archive(['{"label": ["dog"]}', '{"label": []}', '{"label": []}']);
    await expect(openImageSet(lists)).rejects.toThrow(
      /"1\.json": expected one label, got \["dog"\]; .* option "label"/,
    );
  });
});

test("parts of a set are joined by the names of their labels, and must have the same columns", async () => {
  const part = (labels: string): Buffer => tar({ "1.png": a, "1.json": labels });
  const folder = await folderOf({ "a.tar": part('{"labels": ["dog"]}'), "b.tar": part('{"labels": ["cat", "dog"]}') });
  expect(having(await several(folder), "cat")).toEqual([1]);
  const paths = [
    await parquet({ dog: [1, 0, 1] }, [{ name: "dog", type: "INT32", repetition_type: "REQUIRED" }]),
    await parquet({ cat: [1, 0, 1] }, [{ name: "cat", type: "INT32", repetition_type: "REQUIRED" }]),
  ];
  const { openParquets } = await import("../../src/data/parquet-set.ts");
  const joined = await openParquets(paths, { name: "both", severalLabels: true });
  expect(() => having(joined, "dog")).toThrow(/expected a column "dog" as in the other parts, got none/);
});

test("a matrix of arrays has 0 and 1, or -1 and 1", async () => {
  const arrays = (values: readonly number[]): Uint8Array =>
    npz({
      images: { dims: [2, 2, 2, 3], data: new Uint8Array(24) },
      labels: { dims: [2, 2], data: Int32Array.from(values) },
    });
  const folder = await folderOf({ "signed.npz": arrays([1, -1, -1, -1]), "other.npz": arrays([0, 3, 1, 0]) });
  expect(having(await several(join(folder, "signed.npz")), "0")).toEqual([0]);
  const other = await several(join(folder, "other.npz"));
  expect(() => having(other, "1")).toThrow('other.npz/0: "1": expected 0 or 1 (or -1 or 1), got 3');
});
