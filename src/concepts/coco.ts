/**
 * COCO-style sets (Lin et al. 2014): one JSON of images, categories and annotations, whose regions are polygons or run
 * lengths. Instances of one class become one concept of category `object`; regions may overlap.
 */
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeImageFile } from "../data/decode-image.ts";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { insideFolder } from "../files/inside-folder.ts";
import * as z from "../files/zod.ts";
import type { ConceptSplit } from "./broden.ts";
import { type Concept, type ConceptSet, isLabelSize, type LabelMaps } from "./concept-set.ts";
import { fingerprintFiles } from "./file-fingerprint.ts";
import { addMask, emptyLayers, finishLayers } from "./label-layers.ts";
import { expandRuns, fillPolygon } from "./run-length-mask.ts";

const annotationSchema = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  image_id: z.union([z.number(), z.string()]),
  category_id: z.number(),
  segmentation: z.union([
    z.array(z.array(z.number())),
    z.object({
      size: z.tuple([z.number(), z.number()]),
      counts: z.union([z.string(), z.array(z.number())]),
    }),
  ]),
});
type Annotation = z.infer<typeof annotationSchema>;

const side = z.number().int().positive();

const fileSchema = z.object({
  images: z.array(
    z
      .object({ id: z.union([z.number(), z.string()]), file_name: z.string(), height: side, width: side })
      .refine(({ height, width }) => isLabelSize(height, width), "a size that no image has"),
  ),
  annotations: z.array(annotationSchema),
  categories: z.array(z.object({ id: z.number().int(), name: z.string() })),
});
type CocoFile = z.infer<typeof fileSchema>;

/**
 * Opens a folder with COCO annotations: `annotations.json`, `annotations/*.json` (those whose name contains the split),
 * or another JSON at the top that has COCO's keys.
 *
 * @throws {UnitscopeError} `data` naming the file and the entry that does not fit.
 */
export async function openCoco(folder: string, { split = "all" }: { split?: ConceptSplit } = {}): Promise<ConceptSet> {
  const path = await pickAnnotations(folder, split);
  const { images, annotations, categories } = await readAnnotations(path);
  const places = new Map(categories.map(({ id }, place) => [id, place]));
  const byImage = new Map<string, Annotation[]>(images.map(({ id }) => [String(id), []]));
  for (const [index, annotation] of annotations.entries()) {
    const place = `${path}: annotation ${annotation.id ?? index}`;
    const list = byImage.get(String(annotation.image_id));
    if (!list) throw new UnitscopeError("data", `${place}: expected an image_id of images, got ${annotation.image_id}`);
    if (!places.has(annotation.category_id)) {
      throw new UnitscopeError("data", `${place}: expected a category_id of categories, got ${annotation.category_id}`);
    }
    list.push(annotation);
  }
  const imageFolder = await findImages(folder, path, images[0]?.file_name ?? "");
  const files = images.map(({ file_name }, index) => ({ file: file_name, place: `${path}: image ${index}` }));
  const concepts: Concept[] = categories.map(({ id, name }) => ({ name, category: "object", number: id }));
  return {
    name: folder,
    format: "COCO",
    concepts,
    imageCount: images.length,
    hash: sha256(JSON.stringify([images, annotations, categories]), await fingerprintFiles(imageFolder, files)),
    imageName: (image) => images[image]?.file_name ?? `image ${image}`,
    read: async (image) => decodeImageFile(join(imageFolder, images[image]?.file_name ?? "")),
    labels: async (image) => {
      const entry = images[image];
      return drawAnnotations(path, entry, byImage.get(String(entry.id)) ?? [], places);
    },
  };
}

/** Whether a folder holds COCO annotations. */
export async function isCoco(folder: string): Promise<boolean> {
  return (await annotationFiles(folder)).length > 0;
}

function drawAnnotations(
  path: string,
  { height, width }: { height: number; width: number },
  annotations: readonly Annotation[],
  places: ReadonlyMap<number, number>,
): LabelMaps {
  const layers = emptyLayers(height, width);
  for (const { id, category_id, segmentation } of annotations) {
    const place = `${path}: annotation ${id ?? "without id"}`;
    const concept = places.get(category_id) as number;
    if (Array.isArray(segmentation)) {
      for (const polygon of segmentation) addMask(layers, fillPolygon(polygon, height, width, place), concept);
      continue;
    }
    if (segmentation.size[0] !== height || segmentation.size[1] !== width) {
      throw new UnitscopeError(
        "data",
        `${place}: expected a mask of ${height}×${width}, got ${segmentation.size.join("×")}`,
      );
    }
    addMask(layers, expandRuns(segmentation, place), concept);
  }
  return finishLayers(path, layers);
}

async function annotationFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const [place, pattern] of [
    ["", /^(annotations|instances.*|_annotations\.coco|labels)\.json$/],
    ["annotations", /\.json$/],
  ] as const) {
    const names = await readdir(join(folder, place)).catch(() => []);
    for (const name of names.sort((a, b) => (a < b ? -1 : 1)))
      if (pattern.test(name)) found.push(join(folder, place, name));
  }
  return found;
}

async function pickAnnotations(folder: string, split: ConceptSplit): Promise<string> {
  const files = await annotationFiles(folder);
  const fitting = split === "all" ? files : files.filter((file) => file.slice(folder.length).includes(split));
  const [first, ...more] = fitting;
  if (first !== undefined && more.length === 0) return first;
  throw new UnitscopeError(
    "data",
    `${folder}: expected one annotation file of split ${split}, got ${fitting.length} of ${files.length}; choose train or val with option "split"`,
  );
}

async function readAnnotations(path: string): Promise<CocoFile> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new UnitscopeError("data", `${path}: expected JSON, got: ${messageOf(cause)}`, { cause });
    }
    throw diskError(path, cause, { rule: "a JSON file of annotations" });
  }
  const checked = fileSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new UnitscopeError(
    "data",
    `${path}: ${issue?.path.join(".") || "file"}: expected COCO's form, got: ${issue?.message}`,
  );
}

/** The folder that `file_name` is relative to. */
async function findImages(folder: string, annotations: string, file: string): Promise<string> {
  const split = /(train|val|test)\d*/.exec(annotations.slice(folder.length))?.[0];
  insideFolder(folder, file, `${annotations}: image 0`);
  const candidates = ["images", "", ...(split ? [split, join("images", split)] : [])];
  for (const candidate of candidates) {
    const there = await access(join(folder, candidate, file)).then(
      () => true,
      () => false,
    );
    if (there) return join(folder, candidate);
  }
  throw new UnitscopeError(
    "file",
    `${folder}: expected image ${file} in ${candidates.map((each) => `${each || "."}/`).join(", ")}, got none`,
  );
}
