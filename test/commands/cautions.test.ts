/** What is said before a long run, and that nothing is said where nothing is wrong. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chanceCaution, imageCautions, orderCaution, scaleCaution } from "../../src/commands/cautions.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { folderOf, noise, png } from "../data/pictures.ts";

const names = Array.from({ length: 12 }, (_, cls) => `class ${cls}`);
const labels = Int32Array.from({ length: 120 }, (_, image) => Math.floor(image / 10));
const random = seededRandom(4);
/** A network that is right four times of five. */
const good = labels.map((label) => (random.uniform() < 0.8 ? label : random.integer(12)));
const guesses = labels.map(() => random.integer(12));

describe("predictions", () => {
  it("near chance are said to be, others not", () => {
    expect(chanceCaution({ labels, predictions: guesses })).toMatch(
      /^accuracy is near chance: .* classes shown gets 8\.3 %/,
    );
    expect(chanceCaution({ labels, predictions: good })).toBeUndefined();
    expect(chanceCaution({ labels: new Int32Array(5), predictions: new Int32Array(5) })).toBeUndefined();
  });

  it("show labels that are shifted, sorted as text, or in any other order", () => {
    const order = (to: (label: number) => number): string | undefined =>
      orderCaution({ labels, predictions: good.map(to) }, names);
    expect(order((label) => label + 1)).toMatch(/^labels shifted up by one fit much better: .* of 120 images$/);
    expect(order((label) => label - 1)).toMatch(/^labels shifted down by one/);
    const asText = Array.from({ length: 12 }, (_, cls) => `${cls}`)
      .sort()
      .map(Number);
    expect(order((label) => asText[label])).toMatch(/^labels as numbers sorted as text/);
    expect(order((label) => (label * 5 + 3) % 12)).toMatch(
      /^labels in another order fit .* are taken for "class \d+"$/,
    );
    expect(order((label) => label)).toBeUndefined();
    expect(orderCaution({ labels, predictions: guesses }, names)).toBeUndefined();
  });

  it("show pixels that another preset scales better", () => {
    const one = { labels, predictions: guesses };
    const two = { labels, predictions: good };
    expect(scaleCaution(one, new Map([["preset x", two]]))).toMatch(
      /^pixels scaled as preset x do better on a sample: /,
    );
    expect(scaleCaution(two, new Map([["preset x", one]]))).toBeUndefined();
    expect(scaleCaution(two, new Map([["preset x", two]]))).toBeUndefined();
    // Of several, the best.
    expect(
      scaleCaution(
        one,
        new Map([
          ["preset w", one],
          ["preset x", two],
        ]),
      ),
    ).toMatch(/^pixels scaled as preset x /);
  });
});

describe("image sets", () => {
  it("with few images, copies, classes without images and unreadable files are told of", async () => {
    const [a, b] = await Promise.all([1, 2].map((seed) => png(noise(seed, 4, 4))));
    const folder = await folderOf({
      "cat/1.png": a,
      "cat/2.png": b,
      "cat/3.png": "no picture",
      "dog/1.png": a,
      "emu/1.txt": "",
    });
    await expect(openImageSet(folder).then((set) => set.read(2))).rejects.toMatchObject({ code: "data" });
    const set = await openImageSet(folder, { skipUnreadable: true });
    expect(set.imageCount).toBe(3);
    const said = imageCautions({
      ...set,
      repeats: (await openImageSet(folder)).repeats ?? { count: 0, otherLabel: 0, example: [0, 0] },
    });
    expect(said[0]).toMatch(/^2 of 3 classes have images/);
    expect(said[1]).toMatch(/^2 of 2 classes have fewer than 20 images, one only 1: there one image is 100 points/);
    expect(said[2]).toMatch(/^1 images are copies of others, 1 of them under another class: cat\/1\.png and /);
    expect(said[3]).toContain(
      `1 image cannot be read and is left out, the first: ${join(folder, "cat/3.png")}: expected an image`,
    );
  });
});
