import { describe, expect, it } from "vitest";
import { basicColors, colorMap, focalColors, labOf } from "../../src/concepts/basic-colors.ts";
import { imageColors, renderedConcepts, withColors } from "../../src/concepts/builtin-concepts.ts";
import { checkConcepts } from "../../src/concepts/check-concepts.ts";
import type { ConceptSet } from "../../src/concepts/concept-set.ts";
import { joinConcepts } from "../../src/concepts/join-concepts.ts";
import { fill, newCanvas } from "../../src/concepts/rendered/canvas.ts";
import { ellipse, shapes } from "../../src/concepts/rendered/shapes.ts";
import { textures } from "../../src/concepts/rendered/textures.ts";
import type { RgbImage } from "../../src/data/image-set.ts";

/** Name of a colour's eleven-way term. */
function nameOf(...rgb: [number, number, number]): string {
  return basicColors[colorMap({ width: 1, height: 1, data: Uint8Array.from(rgb) })[0]];
}

describe("basic colours", () => {
  it("converts to CIELAB as published", () => {
    // sRGB primaries under D65
    for (const [rgb, lab] of [
      [
        [255, 0, 0],
        [53.24, 80.09, 67.2],
      ],
      [
        [0, 255, 0],
        [87.73, -86.18, 83.18],
      ],
      [
        [0, 0, 255],
        [32.3, 79.19, -107.86],
      ],
      [
        [255, 255, 255],
        [100, 0, 0],
      ],
    ] as const) {
      labOf(rgb[0], rgb[1], rgb[2]).forEach((value, i) => expect(value).toBeCloseTo(lab[i], 1));
    }
  });

  it("names focal colours, and what lies near them", () => {
    for (const [name, foci] of Object.entries(focalColors)) {
      for (const focus of foci) {
        const bytes = Number.parseInt(focus, 16);
        expect([focus, nameOf(bytes >> 16, (bytes >> 8) & 255, bytes & 255)]).toEqual([focus, name]);
      }
    }
    expect(nameOf(250, 8, 12)).toBe("red");
    expect(nameOf(128, 128, 128)).toBe("grey");
    expect(nameOf(139, 69, 19)).toBe("brown"); // CSS saddlebrown
    expect(nameOf(255, 192, 203)).toBe("pink"); // CSS pink
    expect(nameOf(75, 0, 130)).toBe("purple"); // CSS indigo
  });

  it("is nearest among the foci, by definition", () => {
    const random = [12, 77, 140, 201, 35, 250];
    for (const r of random) {
      for (const g of random) {
        const rgb = [r, g, 91].map((value) => (value & ~7) + 3.5) as [number, number, number];
        const nearest = Object.entries(focalColors)
          .flatMap(([name, foci]) =>
            foci.map((focus) => {
              const bytes = Number.parseInt(focus, 16);
              const [one, two] = [labOf(...rgb), labOf(bytes >> 16, (bytes >> 8) & 255, bytes & 255)];
              return { name, distance: Math.hypot(one[0] - two[0], one[1] - two[1], one[2] - two[2]) };
            }),
          )
          .sort((a, b) => a.distance - b.distance)[0];
        expect(nameOf(r, g, 91)).toBe(nearest?.name);
      }
    }
  });

  it("looks at the pixel under each position's centre", () => {
    const data = Uint8Array.from([255, 0, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255]);
    const names = [...colorMap({ width: 4, height: 1, data }, 1, 2)].map((color) => basicColors[color]);
    expect(names).toEqual(["red", "white"]);
  });
});

describe("the rendered set", () => {
  const set = renderedConcepts({ imageCount: 600, seed: 3 });
  const categories = set.concepts.map(({ category }) => category);

  it("has textures, shapes, objects, parts and colours, and shows every one", async () => {
    const count = (category: string): number => categories.filter((each) => each === category).length;
    expect(count("texture")).toBeGreaterThanOrEqual(12);
    expect(count("shape")).toBeGreaterThanOrEqual(8);
    expect(count("object")).toBeGreaterThanOrEqual(8);
    expect(count("part")).toBeGreaterThanOrEqual(10);
    expect(count("color")).toBe(11);
    const report = await checkConcepts(set);
    expect(report.problems).toEqual([]);
    expect(report.concepts.filter(({ images }) => images === 0)).toEqual([]);
  });

  it("depends on the seed and the image alone", async () => {
    const longer = renderedConcepts({ imageCount: 6000, seed: 3 });
    const other = renderedConcepts({ imageCount: 600, seed: 4 });
    for (const image of [599, 0, 17]) {
      expect(await longer.read(image)).toEqual(await set.read(image));
      expect(await longer.labels(image)).toEqual(await set.labels(image));
      expect(await other.read(image)).not.toEqual(await set.read(image));
    }
    expect(new Set([longer.hash, other.hash, set.hash]).size).toBe(3);
  });

  it("draws parts on their objects only, and a colour on every pixel", async () => {
    for (let image = 0; image < 200; image++) {
      const { maps } = await set.labels(image);
      const at = (category: string, pixel: number): number => {
        for (const map of maps) if (map[pixel] && categories[map[pixel] - 1] === category) return map[pixel];
        return 0;
      };
      for (let pixel = 0; pixel < 32 * 32; pixel += 5) {
        expect(at("part", pixel) > 0).toBe(at("object", pixel) > 0);
        expect(at("color", pixel)).toBeGreaterThan(0);
        if (at("object", pixel)) expect(at("shape", pixel) + at("texture", pixel)).toBe(0);
      }
    }
  });

  it("has any size, with the same picture in it", async () => {
    const large = renderedConcepts({ imageCount: 5, side: 64, seed: 3 });
    for (let image = 0; image < 5; image++) {
      const [big, small] = [await large.labels(image), await set.labels(image)];
      const names = (maps: readonly Uint16Array[]): Set<number> =>
        new Set(maps.flatMap((map) => [...map]).filter((label) => label > 0 && categories[label - 1] !== "color"));
      expect(names(big.maps).size).toBeGreaterThanOrEqual(names(small.maps).size);
      expect(big.maps[0]?.length).toBe(64 * 64);
    }
  });

  it("refuses sizes at which nothing can be seen", () => {
    expect(() => renderedConcepts({ side: 8 })).toThrow("expected a side of at least 16 pixels, got 8");
    expect(() => renderedConcepts({ imageCount: 0 })).toThrow("expected at least 1 image, got 0");
  });
});

describe("fill", () => {
  it("marks exactly the pixels whose centre is inside, and blends the border", () => {
    const canvas = newCanvas(40);
    fill(
      canvas,
      ellipse(0, 0, 0.5),
      { first: [200, 100, 0], second: [0, 0, 0] },
      { shape: 3 },
      { u: 0.5, v: 0.4, radius: 0.6, angle: 1 },
    );
    for (let pixel = 0; pixel < 1600; pixel++) {
      const distance = Math.hypot(((pixel % 40) + 0.5) / 40 - 0.5, (Math.floor(pixel / 40) + 0.5) / 40 - 0.4);
      expect(canvas.labels.shape[pixel]).toBe(distance < 0.3 ? 3 : 0);
      const red = canvas.pixels[3 * pixel];
      if (distance < 0.28) expect(red).toBe(200);
      if (distance > 0.32) expect(red).toBe(0);
    }
    expect(canvas.pixels.some((value) => value > 0 && value < 100)).toBe(true);
  });

  it("takes the labels of what it covers", () => {
    const canvas = newCanvas(16);
    const paint = { first: [0, 0, 0], second: [0, 0, 0] } as const;
    fill(canvas, () => true, paint, { texture: 1 });
    fill(canvas, (x) => x > 0.5, paint, { object: 2, part: 5 });
    expect(new Set(canvas.labels.texture.filter((_, i) => i % 16 >= 8))).toEqual(new Set([0]));
    expect(new Set(canvas.labels.texture.filter((_, i) => i % 16 < 8))).toEqual(new Set([1]));
  });

  it("has figures that fill a fair part of their square, and patterns with both colours", () => {
    for (const [name, figure] of Object.entries(shapes)) {
      let hits = 0;
      for (let i = 0; i < 10_000; i++) if (figure(((i % 100) - 49.5) / 50, (Math.floor(i / 100) - 49.5) / 50)) hits++;
      expect([name, hits > 2000 && hits < 9000]).toEqual([name, true]);
    }
    for (const [name, texture] of Object.entries(textures)) {
      const pattern = texture(5);
      const values = Array.from({ length: 10_000 }, (_, i) => pattern((i % 100) / 25, Math.floor(i / 100) / 25));
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      expect([name, mean > 0.1 && mean < 0.9, Math.min(...values) >= 0, Math.max(...values) <= 1]).toEqual([
        name,
        true,
        true,
        true,
      ]);
    }
  });
});

/** One image of 2×1, red and white; the red pixel is a `ball`. */
function tinySet(name: string): ConceptSet {
  const image: RgbImage = { width: 2, height: 1, data: Uint8Array.from([255, 0, 0, 255, 255, 255]) };
  return {
    name,
    format: "test",
    concepts: [
      { name, category: "scene", number: 9 },
      { name: "ball", category: "object", number: 4 },
    ],
    imageCount: 1,
    hash: name,
    imageName: () => `${name}.png`,
    read: async () => image,
    labels: async () => ({ height: 1, width: 2, maps: [Uint16Array.of(2, 0)], whole: [0] }),
  };
}

describe("combining sets", () => {
  it("adds colours to a set without them", async () => {
    const set = withColors(tinySet("a"));
    expect(set.concepts.slice(2, 4)).toEqual([
      { name: "black-c", category: "color", number: 10 },
      { name: "blue-c", category: "color", number: 11 },
    ]);
    const { maps } = await set.labels(0);
    expect([...(maps[1] ?? [])].map((label) => set.concepts[label - 1]?.name)).toEqual(["red-c", "white-c"]);
    expect(withColors(set)).toBe(set);
  });

  it("names the colours of plain images", async () => {
    const set = imageColors({ ...tinySet("photos"), hash: "h" });
    expect(set.concepts.length).toBe(11);
    expect([...((await set.labels(0)).maps[0] ?? [])].map((label) => set.concepts[label - 1]?.name)).toEqual([
      "red-c",
      "white-c",
    ]);
  });

  it("joins concepts by name and category, and keeps images apart", async () => {
    const joined = joinConcepts([tinySet("street"), tinySet("beach")]);
    expect(joined.concepts).toEqual([
      { name: "street", category: "scene", number: 1 },
      { name: "ball", category: "object", number: 2 },
      { name: "beach", category: "scene", number: 3 },
    ]);
    expect(joined.imageName(1)).toBe("beach.png");
    expect(await joined.labels(1)).toEqual({ height: 1, width: 2, maps: [Uint16Array.of(2, 0)], whole: [2] });
    const one = tinySet("a");
    expect(joinConcepts([one])).toBe(one);
    expect(() => joinConcepts([])).toThrow("expected at least one set");
  });
});
