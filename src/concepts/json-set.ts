/**
 * Our own format, for sets that a person makes by hand: `concepts.json` lists concepts and images; each image's
 * labels are label PNGs, masks of one concept, boxes, polygons and whole-image labels, in any mixture.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeImageFile } from "../data/decode-image.ts";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import * as z from "../files/zod.ts";
import type { ConceptSplit } from "./broden.ts";
import { type ConceptSet, type LabelMaps, MAX_CONCEPTS } from "./concept-set.ts";
import { fingerprintFiles } from "./file-fingerprint.ts";
import { addMask, emptyLayers, finishLayers } from "./label-layers.ts";
import { labelNumbers, readPng } from "./png-labels.ts";
import { fillPolygon } from "./run-length-mask.ts";

/** Name of the file that makes a folder a set of this format. */
export const JSON_SET_FILE = "concepts.json";

const number = z.number().int().min(1).max(MAX_CONCEPTS);
const region = z.union([
  z.strictObject({ concept: number, mask: z.string() }),
  z.strictObject({ concept: number, box: z.tuple([z.number(), z.number(), z.number(), z.number()]) }),
  z.strictObject({ concept: number, polygon: z.array(z.number()).min(6) }),
]);
const imageSchema = z.strictObject({
  file: z.string(),
  split: z.enum(["train", "val"]).optional(),
  labels: z.array(number).optional(),
  maps: z.array(z.string()).optional(),
  regions: z.array(region).optional(),
});
const fileSchema = z.strictObject({
  concepts: z.array(z.strictObject({ number, name: z.string().min(1), category: z.string().min(1) })).min(1),
  images: z.array(imageSchema).min(1),
});
type JsonImage = z.infer<typeof imageSchema>;

/**
 * Opens a folder with a `concepts.json`; docs/concepts.md has an example.
 *
 * @throws {UnitscopeError} `data` naming the entry that does not fit.
 */
export async function openJsonSet(
  folder: string,
  { split = "all" }: { split?: ConceptSplit } = {},
): Promise<ConceptSet> {
  const path = join(folder, JSON_SET_FILE);
  const { concepts, images: listed } = await readSet(path);
  const places = new Map(concepts.map((concept, place) => [concept.number, place]));
  if (places.size !== concepts.length) {
    throw new UnitscopeError("data", `${path}: concepts: expected each number once, got one again`);
  }
  const images = listed
    .map((image, index) => ({ image, place: `${path}: images.${index} (${image.file})` }))
    .filter(({ image }) => split === "all" || image.split === split);
  if (images.length === 0) throw new UnitscopeError("data", `${path}: expected images of split ${split}, got none`);
  const files = images.flatMap(({ image, place }) =>
    [
      image.file,
      ...(image.maps ?? []),
      ...(image.regions ?? []).flatMap((each) => ("mask" in each ? [each.mask] : [])),
    ].map((file) => ({ file, place })),
  );
  return {
    name: folder,
    format: "JSON",
    concepts,
    imageCount: images.length,
    hash: sha256(JSON.stringify([concepts, images.map(({ image }) => image)]), await fingerprintFiles(folder, files)),
    imageName: (image) => images[image]?.image.file ?? `image ${image}`,
    read: async (image) => decodeImageFile(join(folder, images[image]?.image.file ?? "")),
    labels: async (image) => {
      const { image: entry, place } = images[image];
      return readEntry(folder, place, entry, places);
    },
  };
}

async function readSet(path: string): Promise<z.infer<typeof fileSchema>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new UnitscopeError("data", `${path}: expected JSON, got: ${messageOf(cause)}`, { cause });
    }
    throw diskError(path, cause, { rule: "a JSON file" });
  }
  const checked = fileSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new UnitscopeError(
    "data",
    `${path}: ${issue?.path.join(".") || "file"}: expected the form of docs/concepts.md, got: ${issue?.message}`,
  );
}

/** The size of an image's labels is that of its maps and masks; with none of them, the image's own. */
async function readEntry(
  folder: string,
  place: string,
  { file, labels = [], maps = [], regions = [] }: JsonImage,
  places: ReadonlyMap<number, number>,
): Promise<LabelMaps> {
  const placeOf = (label: number): number => {
    const found = places.get(label);
    if (found === undefined) throw new UnitscopeError("data", `${place}: expected a number of concepts, got ${label}`);
    return found;
  };
  const drawn = [
    ...maps.map((map) => ({ file: map, concept: undefined })),
    ...regions.flatMap((each) => ("mask" in each ? [{ file: each.mask, concept: each.concept }] : [])),
  ];
  const pngs = await Promise.all(
    drawn.map(async (each) => ({ ...each, png: await readPng(join(folder, each.file), `${place}: ${each.file}`) })),
  );
  const { height, width } = pngs[0]?.png ?? (await decodeImageFile(join(folder, file)));
  const layers = emptyLayers(height, width);
  for (const { file: name, concept, png } of pngs) {
    if (png.height !== height || png.width !== width) {
      throw new UnitscopeError(
        "data",
        `${place}: ${name}: expected ${height}×${width} as the image's other maps, got ${png.height}×${png.width}`,
      );
    }
    const numbers = labelNumbers(png);
    if (concept === undefined) layers.maps.push(numbers.map((label) => (label === 0 ? 0 : placeOf(label) + 1)));
    else
      addMask(
        layers,
        Uint8Array.from(numbers, (value) => (value > 0 ? 1 : 0)),
        placeOf(concept),
      );
  }
  for (const each of regions) {
    if ("mask" in each) continue;
    const vertices = "box" in each ? boxVertices(each.box) : each.polygon;
    addMask(layers, fillPolygon(vertices, height, width, place), placeOf(each.concept));
  }
  return finishLayers(place, layers, labels.map(placeOf));
}

/** `[x, y, width, height]` as a polygon. */
function boxVertices([x, y, width, height]: readonly [number, number, number, number]): number[] {
  return [x, y, x + width, y, x + width, y + height, x, y + height];
}
