/** Readers of segmented image sets, with sound files for each and damage that fits their formats. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { categoryIndices, measureLabels } from "../../src/concepts/concept-set.ts";
import { openConcepts } from "../../src/concepts/open-concepts.ts";
import { decodePng, labelNumbers } from "../../src/concepts/png-labels.ts";
import { sha256 } from "../../src/files/hash.ts";
import { encodeNumbers, encodePng } from "../concepts/png.ts";
import { damagePng } from "./containers.ts";
import { damageAny, damageBytes, damageJson, damageText, type Files, pick } from "./mutate.ts";
import { picture } from "./picture-readers.ts";
import { checkThat, type Reader } from "./reader.ts";

const [WIDTH, HEIGHT] = [9, 7];
const numbers = Array.from({ length: WIDTH * HEIGHT }, (_, pixel) => pixel % 3);

async function readSet(folder: string): Promise<string> {
  const set = await openConcepts(folder);
  const categories = categoryIndices(set.concepts);
  const parts: (string | Uint8Array)[] = [JSON.stringify(set.concepts), set.hash];
  for (let image = 0; image < Math.min(set.imageCount, 8); image++) {
    const { width, height, data } = await set.read(image);
    checkThat(data.length === 3 * width * height, "three bytes for every pixel");
    const labels = await set.labels(image);
    for (const map of labels.maps) {
      checkThat(map.length === labels.height * labels.width, "a label for every pixel");
      checkThat(
        map.every((label) => label <= set.concepts.length),
        "labels of its concepts",
      );
    }
    checkThat(
      labels.whole.every((concept) => concept >= 0 && concept < set.concepts.length),
      "concepts of its list",
    );
    checkThat(labels.height * labels.width <= 2 ** 27, "maps that fit in memory");
    parts.push(JSON.stringify(measureLabels(labels, categories)), data);
  }
  return sha256(...parts);
}

/** Damages the tables of a set, sometimes its label maps. */
function damageSet(random: Parameters<Reader["damage"]>[0], files: Files, tables: readonly string[]): Files {
  const name = pick(random, [...tables, ...tables, ...tables, ...Object.keys(files)]);
  const text = (): string => Buffer.from(files[name]).toString();
  if (name.endsWith(".png") && random.integer(3) > 0) return { ...files, [name]: damagePng(random, files[name]) };
  if (name.endsWith(".json")) return { ...files, [name]: Buffer.from(damageJson(random, text())) };
  if (/\.(csv|txt)$/.test(name)) return { ...files, [name]: Buffer.from(damageText(random, text())) };
  return { ...files, [name]: damageBytes(random, files[name]) };
}

function reader(name: string, tables: readonly string[], build: () => Promise<Files>): Reader {
  return { name, build, damage: (random, files) => damageSet(random, files, tables), read: readSet };
}

const text = (content: string): Uint8Array => Buffer.from(content);

const broden = reader("broden", ["index.csv", "label.csv", "category.csv", "c_object.csv"], async () => ({
  "index.csv": text(
    "image,split,ih,iw,sh,sw,color,object,scene\na.png,train,7,9,7,9,a_color.png,,3\nb.png,val,7,9,7,9,,b_object.png;a_color2.png,\n",
  ),
  "category.csv": text("name,first,last,count,frequency\ncolor,1,1,1,1\nobject,2,2,1,1\nscene,3,3,1,1\n"),
  "label.csv": text(
    "number,name,category,frequency,coverage,syns\n1,red,color(4);object(2),1,1,\n2,door,object(3);color(1),1,1,\n3,street,scene(2),1,1,\n",
  ),
  "c_object.csv": text("code,number,name,frequency,coverage\n1,1,red,1,1\n2,2,door,1,1\n"),
  "images/a.png": await picture(1),
  "images/b.png": await picture(2),
  "images/a_color.png": encodeNumbers(WIDTH, HEIGHT, numbers),
  "images/a_color2.png": encodeNumbers(WIDTH, HEIGHT, numbers),
  "images/b_object.png": encodeNumbers(WIDTH, HEIGHT, numbers),
}));

const annotations = {
  images: [
    { id: 1, file_name: "a.png", height: HEIGHT, width: WIDTH },
    { id: 2, file_name: "b.png", height: HEIGHT, width: WIDTH },
  ],
  categories: [
    { id: 1, name: "cat" },
    { id: 7, name: "dog" },
  ],
  annotations: [
    { id: 1, image_id: 1, category_id: 1, segmentation: [[1, 1, 6, 1, 6, 5, 1, 5]] },
    { id: 2, image_id: 2, category_id: 7, segmentation: { size: [HEIGHT, WIDTH], counts: [10, 5, 20, 8, 20] } },
    { id: 3, image_id: 2, category_id: 1, segmentation: { size: [HEIGHT, WIDTH], counts: "W1f0" } },
  ],
};
const coco = reader("coco", ["annotations.json"], async () => ({
  "annotations.json": text(JSON.stringify({ ...annotations, annotations: annotations.annotations.slice(0, 2) })),
  "images/a.png": await picture(1),
  "images/b.png": await picture(2),
}));

const own = {
  concepts: [
    { number: 1, name: "cat", category: "object" },
    { number: 5, name: "fur", category: "texture" },
  ],
  images: [
    { file: "a.png", split: "train", labels: [5], maps: ["a_map.png"] },
    {
      file: "b.png",
      regions: [
        { concept: 1, mask: "b_mask.png" },
        { concept: 5, box: [1, 2, 4, 3] },
        { concept: 5, polygon: [0, 0, 8, 0, 8, 6] },
      ],
    },
  ],
};
const json = reader("concepts.json", ["concepts.json"], async () => ({
  "concepts.json": text(JSON.stringify(own)),
  "a.png": await picture(1),
  "b.png": await picture(2),
  "a_map.png": encodePng(
    WIDTH,
    HEIGHT,
    numbers.map((number) => (number > 0 ? 1 : 0)),
  ),
  "b_mask.png": encodePng(WIDTH, HEIGHT, numbers),
}));

const palette = [0, 0, 0, 200, 10, 10, 10, 200, 10];
const folder = reader("label folder", ["labels.csv"], async () => ({
  "labels.csv": text(
    "number,name,category,r,g,b\n1,cat,object,200,10,10\n2,dog,object,10,200,10\n3,void,object,0,0,0\n",
  ),
  "images/a.png": await picture(1),
  "labels/a.png": encodePng(WIDTH, HEIGHT, numbers, { type: 3, palette }),
}));

const ade = reader("ade folder", ["objectInfo150.txt"], async () => ({
  "objectInfo150.txt": text("Idx\tRatio\tTrain\tVal\tName\n1\t0.1\t1\t1\twall\n2\t0.1\t1\t1\tbuilding, edifice\n"),
  "images/training/a.png": await picture(1),
  "annotations/training/a.png": encodePng(WIDTH, HEIGHT, numbers),
}));

const camvid = reader("camvid folder", ["label_colors.txt"], async () => ({
  "label_colors.txt": text("0 0 0\tVoid\n200 10 10\tCat\n10 200 10\tDog\n"),
  "701_StillsRaw_full/a.png": await picture(1),
  "LabeledApproved_full/a_L.png": encodePng(WIDTH, HEIGHT, numbers, { type: 3, palette }),
}));

/** PNGs of labels alone: their checksums are looked at. */
const labelPng: Reader = {
  name: "label png",
  build: async () => ({ "a.png": encodePng(WIDTH, HEIGHT, numbers, { type: 3, depth: 2, palette }) }),
  damage: (random, files) =>
    random.integer(2) === 0 ? damageAny(random, files) : { "a.png": damagePng(random, files["a.png"]) },
  read: async (path) => {
    const png = decodePng(await readFile(join(path, "a.png")), "a.png");
    checkThat(labelNumbers(png).length === png.width * png.height, "a label for every pixel");
    return sha256(`${png.width}×${png.height}`, new Uint8Array(labelNumbers(png).buffer), png.palette ?? "");
  },
};

/** All of them. */
export const conceptReaders: readonly Reader[] = [broden, coco, json, folder, ade, camvid, labelPng];
