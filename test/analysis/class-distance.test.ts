import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { classSpread, parseHypernyms, synsetDistance } from "../../src/analysis/class-distance.ts";
import { seededRandom } from "../../src/numeric/random.ts";

const hypernyms = parseHypernyms(readFileSync(new URL("../../classes/wordnet-hypernyms.txt", import.meta.url), "utf8"));

test("distances in WordNet", () => {
  const [goldfish, tench, chihuahua, teapot] = ["n01443537", "n01440764", "n02085620", "n04398044"];
  expect(synsetDistance(hypernyms, goldfish, goldfish)).toBe(0);
  // Both are cyprinids, as the list itself says.
  expect(hypernyms.get(goldfish)).toEqual(hypernyms.get(tench));
  expect(synsetDistance(hypernyms, goldfish, tench)).toBe(2);
  const toDog = synsetDistance(hypernyms, goldfish, chihuahua);
  expect(toDog).toBeGreaterThan(5);
  expect(synsetDistance(hypernyms, goldfish, teapot)).toBeGreaterThan(toDog);
  expect(synsetDistance(hypernyms, goldfish, "n00000000")).toBeNaN();
});

test("every class of ImageNet leads up to one root", () => {
  const ids = readFileSync(new URL("../../classes/imagenet-1k.txt", import.meta.url), "utf8").match(/^n\d{8}/gm) ?? [];
  expect(ids).toHaveLength(1000);
  for (const id of ids) expect(synsetDistance(hypernyms, id, "n00001740")).toBeGreaterThan(3);
});

/** Sixty classes in groups of six; two classes of a group are 1 apart, others 5. */
const group = (cls: number): number => Math.floor(cls / 6);
const distance = (one: number, other: number): number => (group(one) === group(other) ? 1 : 5);

test("units that hurt one group of classes hurt alike ones", () => {
  const hurt = Array.from({ length: 50 }, (_, unit) => [0, 1, 2].map((at) => 6 * (unit % 10) + at));
  const { observed, expected } = classSpread(hurt, distance);
  expect([...observed]).toEqual(hurt.map(() => 1));
  for (const value of expected) expect(value).toBeGreaterThan(4);
});

test("under the null, observed and expected agree, though some classes are hurt far more often", () => {
  const random = seededRandom(4);
  const draw = (): number =>
    random.uniform() < 0.5 ? Math.floor(6 * random.uniform()) : Math.floor(60 * random.uniform());
  const hurt = Array.from({ length: 400 }, () => [...new Set([draw(), draw(), draw(), draw()])]);
  const { observed, expected } = classSpread(hurt, distance, { draws: 100 });
  const differences = observed.map((value, at) => value - expected[at]);
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  const error = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / differences.length;
  expect(Math.abs(mean)).toBeLessThan(3 * error);
  // Classes drawn evenly would lie farther apart: the null takes the fragile ones as often as they are hurt.
  expect(expected.reduce((sum, value) => sum + value, 0) / expected.length).toBeLessThan(4.2);
});

test("units that hurt one class or none are left out", () => {
  expect(classSpread([[1], [], [3]], distance)).toEqual({
    observed: new Float64Array(0),
    expected: new Float64Array(0),
  });
});
