/** WebDataset tars, Parquet files in parts, and lists with names and as CSV. */
import { readdir, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { tar } from "./archives.ts";
import { folderOf, noise, png } from "./pictures.ts";

const [a, b, c] = (await Promise.all([0, 1, 2].map((seed) => png(noise(seed, 5, 4))))) as [Buffer, Buffer, Buffer];

describe("WebDataset tars", () => {
  it("hold images with indices, names or JSON for labels, in one file or several", async () => {
    const folder = await folderOf({
      "val-000000.tar": tar({ "x/0001.png": a, "x/0001.cls": "2", "x/0002.png": b, "x/0002.json": '{"label": 0}' }),
      "val-000001.tar": tar({ "x/0003.cls": "2\n", "x/0003.jpg": c }),
    });
    const set = await openImageSet(folder);
    expect([set.imageCount, [...set.labels], set.classNames]).toEqual([3, [2, 0, 2], ["0", "1", "2"]]);
    expect([0, 1, 2].map((image) => set.imageName(image))).toEqual(["x/0001.png", "x/0002.png", "x/0003.jpg"]);
    expect((await set.read(2)).data).toEqual(noise(2, 5, 4).data);
    const limited = await openImageSet(folder, { limit: 1 });
    expect([...limited.labels]).toEqual([2, 0]);
    const one = join(
      await folderOf({ "a.tar": tar({ "1.png": a, "1.txt": "dog", "2.png": a, "2.txt": "cat" }) }),
      "a.tar",
    );
    const named = await openImageSet(one);
    expect([[...named.labels], named.classNames, named.repeats]).toEqual([
      [1, 0],
      ["cat", "dog"],
      { count: 1, otherLabel: 1, example: [0, 1] },
    ]);
  });

  it.skipIf(process.platform !== "linux")("are open only while they are read", async () => {
    const folder = await folderOf({ "a.tar": tar({ "1.png": a, "1.cls": "0" }), "b.tar": tar({ "2.png": b }) });
    const openHere = async (): Promise<string[]> => {
      const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
      return (await Promise.all(links)).filter((path) => path.startsWith(folder));
    };
    const set = await openImageSet(join(folder, "a.tar"));
    expect(await openHere()).toEqual([]);
    expect((await set.read(0)).data).toEqual(noise(0, 5, 4).data);
    await expect(openImageSet(join(folder, "b.tar"))).rejects.toThrow("expected its label");
    expect(await openHere()).toEqual([]);
  });

  it("must have labels and be whole", async () => {
    const bare = join(await folderOf({ "a.tar": tar({ "1.png": a }) }), "a.tar");
    await expect(openImageSet(bare)).rejects.toThrow('"1.png": expected its label in 1.cls, .json or .txt, got none');
    const whole = tar({ "1.png": a, "1.cls": "0" });
    const cut = join(await folderOf({ "a.tar": whole.subarray(0, 700) }), "a.tar");
    await expect(openImageSet(cut)).rejects.toThrow("expected a whole archive, got a truncated one");
  });
});

describe("Parquet in parts", () => {
  it("is one set", async () => {
    const folder = await folderOf({});
    for (const [part, [images, labels]] of [
      [
        [a, b],
        [0, 2],
      ] as const,
      [[c], [1]] as const,
    ].entries()) {
      const bytes = parquetWriteBuffer({
        columnData: [
          { name: "image", data: [...images], type: "BYTE_ARRAY" },
          { name: "label", data: [...labels], type: "INT32" },
        ],
      });
      await writeFile(join(folder, `val-0000${part}-of-00002.parquet`), new Uint8Array(bytes));
    }
    const set = await openImageSet(folder);
    expect([set.imageCount, [...set.labels], set.classNames]).toEqual([3, [0, 2, 1], ["0", "1", "2"]]);
    expect((await set.read(2)).data).toEqual(noise(2, 5, 4).data);
    expect([...(await openImageSet(folder, { limit: 1 })).labels]).toEqual([0, 2, 1]);
  });
});

describe("lists", () => {
  it("have names for labels, or columns", async () => {
    const folder = await folderOf({
      "names.txt": "1.png dog\n2 b.png cat\n",
      "table.csv": 'id,filename,label\n7,1.png,dog\n8,"2 b.png","hot, dog"\n',
      "LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000001,n01751748 111 108 433 301 \n",
      "1.png": a,
      "2 b.png": b,
      "ILSVRC2012_val_00000001.JPEG": c,
    });
    const names = await openImageSet(join(folder, "names.txt"));
    expect([[...names.labels], names.classNames]).toEqual([
      [1, 0],
      ["cat", "dog"],
    ]);
    const table = await openImageSet(join(folder, "table.csv"));
    expect([table.imageName(1), table.classNames]).toEqual(["2 b.png", ["dog", "hot, dog"]]);
    const kaggle = await openImageSet(join(folder, "LOC_val_solution.csv"));
    expect([kaggle.imageName(0), kaggle.classNames]).toEqual(["ILSVRC2012_val_00000001.JPEG", ["n01751748"]]);
  });
});
