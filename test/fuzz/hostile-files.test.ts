/** Files that were made to do harm: to read what they should not, to fill the memory, to have no end. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { openConcepts } from "../../src/concepts/open-concepts.ts";
import { decodePng } from "../../src/concepts/png-labels.ts";
import { fillPolygon } from "../../src/concepts/run-length-mask.ts";
import { decodeImage, decodeImageFile } from "../../src/data/decode-image.ts";
import { npyIntegers, npyTexts } from "../../src/data/npy.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { UnitscopeError } from "../../src/errors.ts";
import { parseJson } from "../../src/files/parse-json.ts";
import { encodePng } from "../concepts/png.ts";
import { zip } from "../data/archives.ts";
import { npz } from "../data/npz.ts";
import { folderOf, noise, png } from "../data/pictures.ts";
import { chunksOf, pngOf } from "./containers.ts";

const picture = await png(noise(1, 6, 4));

describe("paths that lead out of a folder are refused:", () => {
  const ways = ["../secret.png", "/etc/passwd", "images/../../secret.png", "..\\secret.png", "a\0.png", ".."];

  test.each(ways)("%j in a list with a root", async (path) => {
    const folder = await folderOf({ "set/list.txt": `${path} 0\n`, "secret.png": picture });
    const root = join(folder, "set");
    const opened = openImageSet(join(root, "list.txt"), { root });
    // A leading slash is where the root begins, as in Places365's lists.
    await expect(opened).rejects.toThrow(path.startsWith("/") ? "none there" : /expected a (file inside|list file)/);
  });

  test.each(ways)("%j in our own set of concepts, COCO's and Broden's", async (path) => {
    const concepts = { concepts: [{ number: 1, name: "a", category: "object" }], images: [{ file: path }] };
    const coco = {
      images: [{ id: 1, file_name: path, height: 4, width: 6 }],
      categories: [{ id: 1, name: "a" }],
      annotations: [],
    };
    const tables = {
      "category.csv": "name\nobject\n",
      "label.csv": "number,name,category\n1,a,object(1)\n",
      "index.csv": `image,split,ih,iw,sh,sw,object\n${path},train,4,6,4,6,1\n`,
    };
    for (const files of [
      { "concepts.json": JSON.stringify(concepts) },
      { "annotations.json": JSON.stringify(coco) },
      tables as Record<string, string>,
    ]) {
      const folder = await folderOf({ "secret.png": picture });
      for (const [name, text] of Object.entries(files)) await writeFile(join(await inner(folder), name), text);
      await expect(openConcepts(await inner(folder)), Object.keys(files)[0]).rejects.toThrow("expected a file inside");
    }
  });

  async function inner(folder: string): Promise<string> {
    await mkdir(join(folder, "set", "images"), { recursive: true });
    return join(folder, "set");
  }
});

describe("what has no end is refused:", () => {
  test("a device, and a pipe that nobody writes to", async () => {
    const folder = await folderOf({ "list.txt": "pipe.png 0\n" });
    execFileSync("mkfifo", [join(folder, "pipe.png")]);
    symlinkSync("/dev/zero", join(folder, "zero.png"));
    for (const name of ["pipe.png", "zero.png"]) {
      await expect(decodeImageFile(join(folder, name))).rejects.toThrow("got a device, pipe or socket");
    }
    await expect(openImageSet(join(folder, "list.txt"))).rejects.toThrow("got a device, pipe or socket");
  });

  test("links that lead back to where they lie", async () => {
    const folder = await folderOf({ "cat/a.png": picture });
    symlinkSync("..", join(folder, "cat", "up"));
    symlinkSync("..", join(folder, "cat", "again"));
    await expect(openImageSet(folder)).rejects.toThrow("got a link to a folder that it lies in");
  });

  test("a polygon with a vertex at the end of the world", () => {
    expect(() => fillPolygon([0, 0, 5, 0, 2 ** 31, 5], 7, 9, "a")).toThrow("expected a polygon in an image of 9×7");
    expect([...fillPolygon([-9, -9, 20, -9, 20, 20, -9, 20], 2, 2, "a")]).toEqual([1, 1, 1, 1]);
  });
});

describe("what claims more than it holds is refused before memory is taken:", () => {
  test("pictures and label maps of many pixels", async () => {
    const large = sharp({ create: { width: 16_000, height: 16_000, channels: 3, background: "red" } });
    await expect(decodeImage(await large.png().toBuffer(), "a.png")).rejects.toThrow("pixel limit");
    const map = Buffer.from(encodePng(4, 4, new Uint8Array(16)));
    const bomb = deflateSync(Buffer.alloc(50 << 20));
    expect(() => decodePng(withChunk(map, "IDAT", bomb), "a.png")).toThrow("got damaged data");
    const header = Buffer.from(map.subarray(16, 29));
    header.writeUInt32BE(2 ** 32 - 1, 0);
    expect(() => decodePng(withChunk(map, "IHDR", header), "a.png")).toThrow("got 4294967295×4 pixels");
  });

  test("an archive with a directory of four gigabytes, and classes by the billion", async () => {
    const bytes = zip({ "a.npy": "x" });
    bytes.writeUInt32LE(0xffff_fff0, bytes.length - 10);
    const folder = await folderOf({
      "a.npz": bytes,
      "b.npz": npz({
        images: { dims: [1, 1, 1], data: Uint8Array.of(5) },
        labels: { dims: [1], data: Int32Array.of(2 ** 31 - 1) },
      }),
    });
    await expect(openImageSet(join(folder, "a.npz"))).rejects.toThrow("got a truncated one");
    await expect(openImageSet(join(folder, "b.npz"))).rejects.toThrow(
      "expected class indices as labels, got 2147483647",
    );
  });

  test("JSON in JSON in JSON", () => {
    expect(() => parseJson("[".repeat(300) + "]".repeat(300))).toThrow("deep");
    expect(parseJson(`{"a": ["${"[".repeat(300)}\\"]"]}`)).toEqual({ a: [`${"[".repeat(300)}"]`] });
  });
});

describe("what would be read as something else is refused:", () => {
  test("a drawing, which names other files, under the name of a picture", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>';
    const folder = await folderOf({ "a.png": svg });
    await expect(decodeImageFile(join(folder, "a.png"))).rejects.toThrow(
      "expected an image that can be decoded (JPEG,",
    );
  });

  test("numbers that 32 bits do not hold, and letters that no alphabet has", () => {
    const bytes = new Uint8Array(BigInt64Array.of(2n ** 32n).buffer);
    expect(() => npyIntegers({ type: "<i8", shape: [1], bytes }, "a")).toThrow("got 4294967296 at 0");
    const letter = new Uint8Array(Uint32Array.of(0x11_0000).buffer);
    expect(() => npyTexts({ type: "<U1", shape: [1], bytes: letter }, "a")).toThrow("a letter of number 1114112");
  });

  test("a label map with a flipped bit, wherever it is", async () => {
    const whole = encodePng(
      5,
      3,
      Uint8Array.from({ length: 15 }, (_, at) => at % 3),
      { type: 3, palette: [0, 0, 0, 9, 9, 9, 7, 7, 7] },
    );
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = damaged[at] ^ 4;
      expect(() => decodePng(damaged, "a.png"), `byte ${at}`).toThrow(UnitscopeError);
    }
  });

  test("a message is one line, whatever a file calls itself", () => {
    const { message } = new UnitscopeError("data", `a\nb\x1b[31mc\u202Ed: expected x, got ${"y".repeat(9000)}`);
    expect(message).toMatch(/^a b\ufffd\[31mc\ufffdd: expected x, got y+ … y+$/);
    expect(message.length).toBeLessThan(1600);
  });
});

/** A PNG with the content of a chunk replaced, its checksum right. */
function withChunk(whole: Buffer, name: string, content: Uint8Array): Buffer {
  return pngOf(chunksOf(whole).map((chunk) => (chunk.name === name ? { name, content } : chunk)));
}
