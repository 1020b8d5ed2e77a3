/** Matching under its nulls, and where units are really the same. */
import { describe, expect, test } from "vitest";
import { agreementOf, survivingEffects, type UnitEffects } from "../../src/analysis/agreement.ts";
import { matchPValue, matchUnits, type UnitResponses } from "../../src/analysis/match-units.ts";
import { type Random, seededRandom } from "../../src/numeric/random.ts";

const images = 400;
const labels = Int32Array.from({ length: images }, (_, image) => image % 8);

/** Lopsided responses of units that care about classes, and about something of their own. */
function responses(
  random: Random,
  units: number,
  own: (unit: number, image: number) => number,
  { ofClass = 1 }: { ofClass?: number } = {},
): UnitResponses {
  const values = new Float64Array(units * images);
  for (let unit = 0; unit < units; unit++) {
    const tuning = Float64Array.from({ length: 8 }, () => ofClass * Math.abs(random.normal()) ** 2);
    for (let image = 0; image < images; image++) {
      values[unit * images + image] = Math.max(0, tuning[labels[image]] + own(unit, image) + random.normal());
    }
  }
  return { units, values };
}

describe("matching units", () => {
  test("finds the same units in another order, and another number of them", () => {
    const random = seededRandom(4);
    const first = responses(random, 12, () => 3 * random.normal());
    const order = random.shuffle(Int32Array.from({ length: 12 }, (_, unit) => unit));
    const extra = responses(random, 3, () => 0);
    const values = new Float64Array(15 * images);
    order.forEach((unit, at) => {
      for (let image = 0; image < images; image++) {
        values[at * images + image] = 3 * first.values[unit * images + image] + random.normal();
      }
    });
    values.set(extra.values, 12 * images);
    const { partner, correlation, shuffledWithinClasses } = matchUnits(first, { units: 15, values }, labels);
    partner.forEach((other, unit) => {
      expect(order[other]).toBe(unit);
      expect(correlation[unit]).toBeGreaterThan(0.85);
      expect(matchPValue(correlation[unit], shuffledWithinClasses)).toBeLessThan(0.05);
    });
    // The other way round three units have no partner.
    const back = matchUnits({ units: 15, values }, first, labels);
    expect([...back.partner.subarray(0, 12)]).toEqual([...order]);
    expect([...back.partner.subarray(12)]).toEqual([-1, -1, -1]);
    expect(back.correlation[13]).toBeNaN();
  });

  test("units that share nothing but classes are beyond shuffled images, not beyond those shuffled within classes", () => {
    const random = seededRandom(9);
    let [tested, within, over] = [0, 0, 0];
    for (let time = 0; time < 20; time++) {
      const [one, other] = [responses(random, 10, () => 0), responses(random, 10, () => 0)];
      const { correlation, shuffled, shuffledWithinClasses } = matchUnits(one, other, labels, { draws: 4, seed: time });
      for (const value of correlation) {
        tested++;
        if (matchPValue(value, shuffledWithinClasses) <= 0.1) within++;
        if (matchPValue(value, shuffled) <= 0.1) over++;
      }
    }
    expect(within / tested).toBeLessThan(0.15);
    expect(over / tested).toBeGreaterThan(0.5);
  });

  test("units that nothing drives hold the level against shuffled images", () => {
    const random = seededRandom(11);
    let [tested, found] = [0, 0];
    for (let time = 0; time < 20; time++) {
      const none = () => responses(random, 10, () => 0, { ofClass: 0 });
      const { correlation, shuffled } = matchUnits(none(), none(), labels, { draws: 4, seed: time });
      tested += correlation.length;
      found += correlation.filter((value) => matchPValue(value, shuffled) <= 0.1).length;
    }
    expect(found / tested).toBeLessThan(0.15);
  });

  test("a unit that never changes is nobody's match", () => {
    const random = seededRandom(2);
    const one = responses(random, 4, () => 0);
    one.values.fill(1, 0, images);
    const { correlation } = matchUnits(
      one,
      responses(random, 4, () => 0),
      labels,
      { draws: 1 },
    );
    expect(correlation[0]).toBeNaN();
    expect(matchPValue(correlation[0], Float64Array.of(0.1))).toBeNaN();
  });
});

describe("agreement", () => {
  const effects = (random: Random, drops: Float64Array, classes: Int32Array): UnitEffects => ({
    overallDrop: drops.map((drop) => drop / 10),
    maxClassDrop: drops.map((drop) => drop + 0.2 * random.normal()),
    targetClass: classes,
  });
  const drawn = (random: Random): { drops: Float64Array; classes: Int32Array } => ({
    drops: Float64Array.from({ length: 40 }, () => Math.exp(random.normal())),
    // Some classes are many units'.
    classes: Int32Array.from({ length: 40 }, () => Math.floor(8 * random.uniform() ** 2)),
  });

  test("without any, p-values are as small as they say, though some classes are common", () => {
    const random = seededRandom(21);
    const found = Array.from({ length: 150 }, () => {
      const [one, two] = [drawn(random), drawn(random)];
      return agreementOf(effects(random, one.drops, one.classes), effects(random, two.drops, two.classes), {
        draws: 199,
      });
    });
    for (const pick of ["pValue", "sameClassPValue"] as const) {
      const small = found.filter((each) => each[pick] <= 0.1).length / found.length;
      expect(small).toBeLessThan(0.17);
    }
    const mean = (of: (each: (typeof found)[number]) => number): number =>
      found.reduce((sum, each) => sum + of(each), 0) / found.length;
    expect(mean(({ sameClass }) => sameClass)).toBeCloseTo(
      mean(({ sameClassByChance }) => sameClassByChance),
      1,
    );
  });

  test("is found where two of three pairs agree", () => {
    const random = seededRandom(22);
    const { drops, classes } = drawn(random);
    const other = drawn(random);
    const most = <T extends Float64Array | Int32Array>(own: T, two: T): T =>
      own.map((value, at) => (at % 3 !== 0 ? value : two[at])) as T;
    const found = agreementOf(
      effects(random, drops, classes),
      effects(random, most(drops, other.drops), most(classes, other.classes)),
    );
    expect(found.pValue).toBeLessThan(0.05);
    expect(found.sameClassPValue).toBeLessThan(0.01);
    expect(found.sameClass).toBeGreaterThan(found.sameClassByChance + 0.2);
  });

  test("effects survive where every method finds them with one sign", () => {
    const method = (drops: readonly number[], q: readonly number[]) => ({
      unit: Int32Array.of(0, 0, 1, 1),
      cls: Int32Array.of(0, 1, 0, 1),
      drop: Float64Array.from(drops),
      qValue: Float64Array.from(q),
    });
    const one = method([0.1, -0.2, 0.3, 0.1], [0.01, 0.01, 0.01, 0.01]);
    const two = method([0.2, -0.1, -0.3, 0.1], [0.05, 0.02, 0.01, 0.2]);
    expect(survivingEffects([one, two])).toEqual([
      { unit: 0, cls: 0, drops: [0.1, 0.2] },
      { unit: 0, cls: 1, drops: [-0.2, -0.1] },
    ]);
  });
});
