import { expect, test } from "vitest";
import { layerSlugs } from "../../src/files/layer-slugs.ts";

test("slugs are plain and different", () => {
  expect(layerSlugs(["conv1", "a/b", "a:b", "../x", "CONV1", "a_b"])).toEqual({
    conv1: "conv1",
    "a/b": "a_b",
    "a:b": "a_b-2",
    "../x": "__x",
    CONV1: "CONV1-2",
    a_b: "a_b-3",
  });
});
