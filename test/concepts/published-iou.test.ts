/**
 * The arithmetic of IoU against numbers that Network Dissection published: pixel counts and IoUs of units of AlexNet's
 * conv5 trained on Places365 (github.com/CSAILVision/NetDissect, plot/caffe_reference_places365.csv). A unit's
 * activation differs from category to category there, since only images with labels of the category count.
 */
import { describe, expect, it } from "vitest";
import { bestConcepts } from "../../src/concepts/best-concepts.ts";
import { emptyCounts, intersectionOverUnion } from "../../src/concepts/overlap-counts.ts";

type Published = readonly [concept: string, truth: number, activation: number, intersection: number, iou: number];

/** By category: object, color, material, scene, texture, part. */
const units: Readonly<Record<string, readonly Published[]>> = {
  "107, detector of road": [
    ["road", 13092677, 3044167, 2171174, 0.15546507972764645],
    ["grey-c", 161925849, 3316515, 2036296, 0.012476840015531775],
    ["laminate", 233961, 179501, 982, 0.0023807214895267647],
    ["highway-s", 4149925, 2193332, 420572, 0.071010361010251266],
    ["potholed", 1608894, 77845, 22649, 0.013610441742934578],
    ["crosswalk", 246024, 1695636, 53838, 0.028518578552427083],
  ],
  "252, detector of waffled": [
    ["patty", 65965, 956080, 17574, 0.017495776383788082],
    ["orange-c", 30864899, 3215699, 783924, 0.023543612794479113],
    ["food", 1124215, 1689840, 278434, 0.10980899748030166],
    ["bakery-shop-s", 727833, 438316, 61795, 0.055955789538499431],
    ["waffled", 1583356, 700043, 277811, 0.138518479368644],
    ["head", 5034747, 581171, 35308, 0.0063269069151938584],
  ],
  "86, detector of wheel": [
    ["motorbike", 1463055, 1258892, 160713, 0.062748268998459339],
    ["black-c", 142117568, 2846069, 912473, 0.0063343674196204344],
    ["metal", 3525611, 690373, 18495, 0.0044062057101281263],
    ["laundromat-s", 370301, 384754, 17710, 0.024018607300517397],
    ["swirly", 1634432, 846988, 223139, 0.098809227018249721],
    ["wheel", 1540612, 995313, 267011, 0.11768229205690475],
  ],
};

describe("intersectionOverUnion", () => {
  it.each(Object.entries(units))("agrees with the published unit %s", (title, rows) => {
    const categoryOf = Int32Array.from(rows.keys());
    const counts = emptyCounts(1, rows.length, rows.length);
    rows.forEach(([, truth, activation, intersection], place) => {
      counts.conceptPixels[place] = truth;
      counts.unitPixels[place] = activation;
      counts.intersections[place + 1] = intersection;
    });
    const iou = intersectionOverUnion(counts, categoryOf);
    expect([...iou]).toEqual(rows.map(([, , , , published]) => published));
    const best = bestConcepts(iou, categoryOf);
    expect(`detector of ${rows[best.concept[0]]?.[0]}`).toBe(title.split(", ")[1]);
    expect([...best.iouIn]).toEqual([...iou]);
  });
});
