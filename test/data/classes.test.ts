/** Class lists in all their forms, and image sets under a network's classes. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  classNamesOf,
  imagenetClasses,
  listOf,
  openClassList,
  parseClassList,
} from "../../src/data/classes/class-list.ts";
import { fitClasses } from "../../src/data/classes/fit-classes.ts";
import { matchClasses } from "../../src/data/classes/map-classes.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { folderOf } from "./pictures.ts";

const names = (text: string): string[] => classNamesOf(parseClassList(text, "list"));

/** A set of one-pixel images. */
function setOf(classNames: readonly string[], labels: readonly number[]): ImageSet {
  return pixelSet({
    name: "photos",
    pixels: { data: new Uint8Array(labels.length), channels: 1, height: 1, width: 1 },
    labels: Int32Array.from(labels),
    classNames,
  });
}

describe("a class list", () => {
  it.each([
    ["plain lines", "cat\r\n\ndog 2\n", ["cat", "dog 2"]],
    ["index behind, in any order", "/b/bar 1\n/a/attic/indoor 0\n", ["attic/indoor", "bar"]],
    ["index before", "1: dog\n0: cat", ["cat", "dog"]],
    ["CSV", "0,cat\n1,dog", ["cat", "dog"]],
    ["WordNet ids", "n01440764 tench, Tinca tinca\nn01443537 goldfish", ["tench", "goldfish"]],
    ["ids alone", "n01440764\nn01443537", ["n01440764", "n01443537"]],
    ["a JSON array", '["cat", "dog"]', ["cat", "dog"]],
    ["a JSON object", '{"1": "dog", "0": "cat"}', ["cat", "dog"]],
    ["Keras", '{"0": ["n01440764", "tench"], "1": ["n01484850", "great_white_shark"]}', ["tench", "great white shark"]],
    ["class_to_idx", '{"dog": 1, "cat": 0}', ["cat", "dog"]],
    ["Hugging Face", '{"model_type": "vit", "id2label": {"0": "cat", "1": "dog"}}', ["cat", "dog"]],
    ["names with commas", '["bird, big", "bird, small", "cat"]', ["bird, big", "bird, small", "cat"]],
    ["one name with a comma", "bird, big\ncat", ["bird, big", "cat"]],
    ["ImageNet's words without ids", "tench, Tinca tinca\ngoldfish, Carassius auratus", ["tench", "goldfish"]],
    ["the same behind a background", "background\ntench, Tinca tinca\ncock, rooster", ["background", "tench", "cock"]],
    [
      "names that two share",
      "n02012849 crane\nn03126707 crane\nkite",
      ["crane (n02012849)", "crane (n03126707)", "kite"],
    ],
  ])("is read from %s", (_, text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it.each([
    ["", "expected class names, got none"],
    ["{bad", "expected JSON, got"],
    ['{"0": "cat", "2": "dog"}', "expected an array of class names, or an object"],
    ['[["a", 1]]', "expected an array of class names, or an object"],
  ])("is not %j", (text, message) => {
    expect(() => names(text)).toThrow(message);
  });

  it("is built in for ImageNet, ids rising", async () => {
    const { classes } = await imagenetClasses();
    const ids = classes.map(({ id }) => id);
    expect(classes.length).toBe(1000);
    expect(new Set(ids).size).toBe(1000);
    expect(ids).toEqual([...ids].sort());
    expect([0, 1, 134, 517, 999].map((cls) => classNamesOf({ place: "", classes })[cls])).toEqual([
      "tench",
      "goldfish",
      "crane (n02012849)",
      "crane (n03126707)",
      "toilet tissue",
    ]);
  });

  it("is built in for Places365, in the order of its own list", async () => {
    const { classes } = await openClassList("places365");
    const own = classes.map(({ words: [name] }, cls) => `/${name?.[0]}/${name} ${cls}`).join("\n");
    expect(createHash("md5").update(own).digest("hex")).toBe("06c963b85866bd0649f97cb43dd16673"); // categories_places365.txt
  });

  it("that is not there is an error", async () => {
    await expect(openClassList("/nowhere.txt")).rejects.toThrow("/nowhere.txt: expected a list of classes");
  });
});

describe("matching", () => {
  const network = parseClassList(
    "n01 airfield\n".replace("n01 ", "") + "apartment_building/outdoor\nbow tie, bow-tie, bowtie\ncrane\ncrane\nÉcole",
    "the network",
  );
  it("ignores case, punctuation, accents and Places365's letters", () => {
    const given = ["/a/airfield", "Apartment building-outdoor", "bowtie", "ecole"];
    expect([...matchClasses(given, network, "photos")]).toEqual([0, 1, 2, 5]);
  });

  it("names an unknown class and the nearest, an ambiguous one and its meanings, and two that are one", () => {
    expect(() => matchClasses(["airfeild"], network, "photos")).toThrow(
      'photos: expected classes of the network, got "airfeild"; the nearest is "airfield"',
    );
    expect(() => matchClasses(["Crane"], network, "photos")).toThrow(
      'got "Crane", which may be "crane (3)" or "crane (4)"; use the WordNet id or the number',
    );
    expect(() => matchClasses(["bowtie", "bow tie"], network, "photos")).toThrow(
      'photos: expected one class for "bow tie, bow-tie, bowtie" of the network, got "bowtie" and "bow tie"',
    );
    expect(() => matchClasses(["7"], network, "photos")).toThrow(
      "expected class numbers in 0..5 of the network, got 7",
    );
  });

  it("goes by WordNet id, also where the name has two meanings, and does not guess for an unknown id", async () => {
    const imagenet = await imagenetClasses();
    expect([...matchClasses(["n03126707", "n01443537", "tench, Tinca tinca"], imagenet, "photos")]).toEqual([
      517, 1, 0,
    ]);
    expect(() => matchClasses(["crane"], imagenet, "photos")).toThrow('"crane (n02012849)" or "crane (n03126707)"');
    expect(() => matchClasses(["n00000001"], imagenet, "photos")).toThrow('got "n00000001"; the nearest is');
  });

  it("takes a name as it is written before it ignores anything", () => {
    const list = parseClassList("Cardigan\ncardigan\nresume\nre\u0301sume\u0301\n\u304B\n\u304C", "the network");
    expect([...matchClasses(["cardigan", "r\u00E9sum\u00E9", "\u304B\u3099"], list, "photos")]).toEqual([1, 3, 5]);
    expect(() => matchClasses(["CARDIGAN"], list, "photos")).toThrow('which may be "Cardigan" or "cardigan"');
  });

  it("does not take a class's only word for it where another class begins with it", async () => {
    const imagenet = await imagenetClasses();
    expect(() => matchClasses(["maillot"], imagenet, "photos")).toThrow(
      'got "maillot", which may be "maillot (n03710637)" or "maillot (n03710721)"; use the WordNet id or the number',
    );
    const sure = ["maillot, tank suit", "n03710637", "crane (n03126707)", "missile"];
    expect([...matchClasses(sure, imagenet, "photos")]).toEqual([639, 638, 517, 657]);
    expect([...matchClasses(["Cardigan", "cardigan"], imagenet, "photos")]).toEqual([264, 474]);
  });

  it("finds the names of tables, where equal ones are numbered", () => {
    const list = parseClassList("kite\ncrane\ncrane", "the network");
    expect([...matchClasses(classNamesOf(list), list, "photos")]).toEqual([0, 1, 2]);
  });

  it("finds every class of any list by its own name, in any order", () => {
    const word = fc.stringMatching(/^[a-z]{2,8}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (words, random) => {
          const order = words.map((_, cls) => cls).sort(() => ((random.next().value ?? 0) % 3) - 1);
          const given = order.map((cls) => words[cls].toUpperCase());
          expect([...matchClasses(given, listOf(words, "network"), "photos")]).toEqual(order);
        },
      ),
    );
  });
});

describe("an image set under a network's outputs", () => {
  const outputs = (classCount: number, metadata: Record<string, string> = {}) => ({
    place: "the model",
    classCount,
    metadata: new Map(Object.entries(metadata)),
  });

  it("keeps its hash where it has all classes in order, and changes it with the labels", async () => {
    const set = setOf(["cat", "dog"], [0, 1, 1]);
    const same = await fitClasses(set, outputs(2, { "unitscope.classes": '["cat","dog"]' }));
    expect(same?.hash).toBe(set.hash);
    const other = await fitClasses(set, outputs(3, { "unitscope.classes": '["dog","fox","cat"]' }));
    expect(other?.classNames).toEqual(["dog", "fox", "cat"]);
    expect([...(other?.labels ?? [])]).toEqual([2, 0, 0]);
    expect(other?.hash).not.toBe(set.hash);
    const third = await fitClasses(set, outputs(3, { names: "{0: 'cat', 1: 'fox', 2: 'dog'}" }));
    expect([...(third?.labels ?? [])]).toEqual([0, 2, 2]);
    expect(third?.hash).not.toBe(other?.hash);
  });

  it("takes ImageNet's classes for 1,000 outputs, and the background's place for 1,001", async () => {
    const set = setOf(["n01443537", "n15075141"], [0, 1]);
    expect([...((await fitClasses(set, outputs(1000)))?.labels ?? [])]).toEqual([1, 999]);
    const shifted = await fitClasses(set, outputs(1001));
    expect([...(shifted?.labels ?? [])]).toEqual([2, 1000]);
    expect(shifted?.classNames.slice(0, 2)).toEqual(["background", "tench"]);
  });

  it("takes Places365's classes for 365 outputs, its folders' names and others' alike", async () => {
    const set = setOf(["apartment_building-outdoor", "bedroom", "Zen garden"], [0, 1, 2]);
    const fitted = await fitClasses(set, { place: "network", classCount: 365, metadata: new Map() });
    expect([...(fitted?.labels ?? [])]).toEqual([8, 52, 364]);
    expect(fitted?.classNames[52]).toBe("bedroom");
  });

  it("names a class that is none of a built-in list's where most others are", async () => {
    const set = setOf(["kitchen", "street", "bedrom"], [0, 1, 2]);
    await expect(fitClasses(set, outputs(365))).rejects.toThrow(
      'expected classes of Places365\'s classes, got "bedrom"; the nearest is "bedroom"; if the network\'s classes are others, say which with option "classes"',
    );
    expect(await fitClasses(setOf(["kitchen", "scratch", "dent"], [0, 1, 2]), outputs(365))).toBeUndefined();
  });

  it("goes by number where the set's classes are numbers, by order where there are as many, else says no", async () => {
    const numbered = await fitClasses(setOf(["0", "1", "2"], [2, 0]), outputs(5));
    expect([numbered?.classNames.length, ...(numbered?.labels ?? [])]).toEqual([5, 2, 0]);
    const set = setOf(["cat", "dog"], [0, 1]);
    expect(await fitClasses(set, outputs(2))).toBe(set);
    expect(await fitClasses(set, outputs(5))).toBeUndefined();
    await expect(fitClasses(setOf(["0", "1", "2"], [2]), outputs(2))).rejects.toThrow('got "2"; the nearest is');
  });

  it("goes by a given list, which must have as many classes", async () => {
    const folder = await folderOf({ "c.txt": "dog\nfox\ncat\n" });
    const given = join(folder, "c.txt");
    const set = setOf(["cat", "dog"], [0, 1]);
    expect([...((await fitClasses(set, outputs(3), { given }))?.labels ?? [])]).toEqual([2, 0]);
    await expect(fitClasses(set, outputs(2), { given })).rejects.toThrow(
      "c.txt: expected 2 classes for the outputs of the model, got 3",
    );
    await expect(fitClasses(setOf(["cow"], [0]), outputs(3), { given })).rejects.toThrow('got "cow"; the nearest is');
  });
});
