/**
 * What the explorer's page reads: the format of the files that `unitscope report` writes beside `index.html`.
 *
 * A page that was opened from disk may load scripts and pictures and nothing else, so all data are scripts that call one
 * global function:
 *
 * - `data/page.js` calls `unitscopePage(PageData)`: small, read at once.
 * - `data/<name>.js` calls `unitscopeChunk("<name>", "<base64 of gzip of a chunk>")`: read when a view first needs it. A
 *   chunk is arrays with a JSON header, see `chunk.ts`; the names of its arrays are those of the interfaces below.
 * - `thumbs/<run>/<layer>/<unit>.webp`: a unit's pictures, tiles in two rows: strongest images, hurt images.
 * - `runtime/`: ONNX Runtime; its WebAssembly is such a chunk, too.
 *
 * Everything from models and data sets (names of classes, layers, files) is text, never markup.
 */

/** Version of this format; page and data are written together, so it is only there to be told by. */
export const pageVersion = 1;

/** `data/page.js`. */
export interface PageData {
  readonly version: typeof pageVersion;
  /** Version of the package that wrote the page. */
  readonly unitscope: string;
  readonly runs: readonly RunData[];
  /** Table 1 over the runs; `null` where there is none, and `noPrediction` says why (empty for a single run). */
  readonly prediction: PredictionData | null;
  readonly noPrediction: string;
}

/** How well the class that a unit matters most for is told from its attributes, by networks that it is not of. */
export interface PredictionData {
  /** Networks trained on, of how many; all ways to choose them. */
  readonly train: number;
  readonly networks: number;
  /** 1 / classes. */
  readonly chance: number;
  readonly rows: readonly {
    readonly layer: string;
    /** `class_selectivity`, …; `ensemble` for their average. */
    readonly attribute: string;
    readonly units: number;
    readonly accuracy: number;
    readonly low: number;
    readonly high: number;
    /** Accuracy of always naming the most frequent class. */
    readonly majority: number;
    readonly pValue: number;
  }[];
}

/** How an attribute goes with a drop over a layer's units: a row of `relations`. */
export interface RelationData {
  readonly attribute: string;
  /** `overall_drop` or `max_class_drop`. */
  readonly drop: string;
  readonly pearson: number;
  readonly low: number;
  readonly high: number;
  readonly slope: number;
  readonly intercept: number;
}

/** One run of the page. */
export interface RunData {
  /** Short name, unique on the page. */
  readonly label: string;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly data: { readonly name: string; readonly images: number };
  /** How the run was made, a command a line. */
  readonly commands: readonly string[];
  /** What a reader must know of how it was made: that it is a first look. */
  readonly notes: readonly string[];
  readonly classNames: readonly string[];
  /** Images of each class, `[classes]`, and those that are right with nothing removed. */
  readonly classImages: readonly number[];
  readonly classCorrect: readonly number[];
  readonly accuracy: { readonly correct: number; readonly images: number; readonly low: number; readonly high: number };
  /** What replaces a removed unit. */
  readonly method: string;
  readonly layers: readonly LayerData[];
  /** Name of the chunk with one row an image (`BaselineChunk`); `null` where the run has no such table. */
  readonly baseline: string | null;
  /** Name of the chunk with unit sets (`SetsChunk`). */
  readonly sets: string | null;
  /** Name of the chunk with drops of rotated bases (`RotationChunk`). */
  readonly rotation: string | null;
  /** Figures of the run inside the page's folder. */
  readonly figures: readonly { readonly file: string; readonly caption: string }[];
  /** The network and images for removing units in the page; `null` where they were not there to be put in. */
  readonly live: LiveData | null;
}

/** One ablated layer. */
export interface LayerData {
  readonly name: string;
  readonly kind: string;
  readonly units: number;
  readonly height: number;
  readonly width: number;
  /** Name of its chunk (`LayerChunk`). */
  readonly chunk: string;
  /** Name of the chunk with attribute vectors (`VectorsChunk`). */
  readonly vectors: string | null;
  readonly effects: number;
  readonly significantEffects: number;
  readonly significantUnits: number;
  readonly overallDropMean: number;
  readonly maxClassDropMean: number;
  readonly relations: readonly RelationData[];
  /** Unit pictures; `null` before `unitscope attributes`. */
  readonly thumbs: ThumbData | null;
}

/** How to cut a unit's pictures out of `<folder>/<unit>.webp`. */
export interface ThumbData {
  readonly folder: string;
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** Tiles in a row; row 0 holds strongest images (their alpha is below 255 outside the region), row 1 hurt ones. */
  readonly columns: number;
}

/** Everything that the page needs to run the network. */
export interface LiveData {
  /** Name of the chunk with the network (`ModelChunk`). */
  readonly model: string;
  readonly input: {
    readonly name: string;
    readonly layout: "nchw" | "nhwc";
    readonly channels: 1 | 3 | 4;
    readonly height: number;
    readonly width: number;
  };
  readonly logits: string;
  /** How pixels become the network's input; the keys of `--preprocess FILE.json`. */
  readonly preprocessing: unknown;
  /** Every layer whose units can be removed, in the network's order. */
  readonly layers: readonly LiveLayer[];
  /** Images of the run whose pixels are in the page. */
  readonly images: LiveImages;
}

/** A layer of the network in the page. */
export interface LiveLayer {
  readonly name: string;
  readonly kind: string;
  readonly tap: string;
  readonly units: number;
  readonly height: number;
  readonly width: number;
  /** What replaces each unit, `[units]`; all 0 where absent. */
  readonly replacement?: readonly number[];
  /** Tokens before those of the patches; none where absent. */
  readonly skip?: number;
}

/** Images in the page, at the size of the network's input, in blocks of one chunk each (`PixelsChunk`). */
export interface LiveImages {
  readonly width: number;
  readonly height: number;
  /** Numbers of the images in the run, the most interesting of each class first, class by class in turn. */
  readonly numbers: readonly number[];
  /** Images in a block; the last has fewer. */
  readonly blockSize: number;
  readonly blocks: readonly string[];
}

/** Arrays of one layer; `[units, classes]` row-major where two-dimensional. */
export interface LayerChunk {
  /** Images of the class that were right before and wrong after, and the other way round. */
  readonly lost: Uint8Array | Uint16Array | Int32Array;
  readonly gained: Uint8Array | Uint16Array | Int32Array;
  /** Rounded so that it stays on its side of 0.05; NaN where a class has no image. */
  readonly q: Float32Array;
  /** `units.parquet`: one array a numeric column (`column:<name>`); text columns are in the header. */
  readonly columns: Readonly<Record<string, Float64Array | Int32Array>>;
  readonly texts: Readonly<Record<string, readonly string[]>>;
  /** Changed predictions: those of unit `u` are `flipStart[u] … flipStart[u + 1] - 1`. */
  readonly flipStart: Int32Array;
  readonly flipImage: Int32Array;
  readonly flipPrediction: Uint16Array;
  /** Pictures of unit `u`: `pictureStart[u] … pictureStart[u + 1] - 1`. */
  readonly pictureStart: Int32Array;
  readonly pictureImage: Int32Array;
  /** Tile of the unit's sheet, row by row. */
  readonly pictureTile: Uint8Array;
  readonly pictureResponse: Float32Array;
  /** Predicted class after the ablation for hurt images; 65535 for strongest ones. */
  readonly pictureAfter: Uint16Array;
  /** The units whose responses over images are most alike, and the correlation, `[units, alikeCount]`; unit -1: none. */
  readonly alikeCount: number;
  readonly alikeUnit: Int32Array;
  readonly alikeCorrelation: Float32Array;
}

/** One row an image. */
export interface BaselineChunk {
  readonly label: Uint16Array;
  readonly prediction: Uint16Array;
  readonly margin: Float32Array;
  readonly names: readonly string[];
}

/** Greedy sequences per class with random ones beside them. */
export interface SetsChunk {
  readonly layers: readonly {
    readonly layer: string;
    /** Fraction of the images that chose the units. */
    readonly rankSplit: number;
    readonly greedy: readonly GreedySequence[];
    /** Accuracy over the same measured images as random units go: mean and ends of the band, per class and step. */
    readonly random: readonly {
      readonly cls: number;
      readonly mean: number[];
      readonly low: number[];
      readonly high: number[];
      /** What the band holds, in words. */
      readonly band: string;
    }[];
  }[];
}

/** What removing units one after another does to the class that they were chosen for; index 0: nothing removed. */
export interface GreedySequence {
  readonly cls: number;
  /** Images of the class that measured. */
  readonly images: number;
  /** Unit of each step, from step 1 on. */
  readonly units: readonly number[];
  readonly correct: readonly number[];
  /** Drop over the images of all other classes; empty where the run lacks it. */
  readonly othersDrop: readonly number[];
  /** What every step does to classes, this one included; empty where the run lacks it. */
  readonly classes: readonly StepClasses[];
}

/** What one step does to classes: those that the class's images are taken for, and those that change most. */
export interface StepClasses {
  /** `[class, images, right before, right after, images of the sequence's class that are taken for it]`. */
  readonly shown: readonly (readonly [number, number, number, number, number])[];
  /** Classes that change too but are not among them. */
  readonly others: number;
}

/** Figure 7's drops: those of units beside those of random directions and principal components, by layer. */
export interface RotationChunk {
  readonly layers: readonly {
    readonly layer: string;
    readonly bases: readonly {
      readonly label: string;
      /** One array a rotation, in the order of directions. */
      readonly max: readonly (readonly number[])[];
      readonly overall: readonly (readonly number[])[];
    }[];
  }[];
}

/**
 * Attribute vectors of units, rounded to four digits: an array an attribute, `[units, classes]`, and `concept_iou`
 * `[units, concepts]`; NaN where the run has no value. In the header: the names of the concepts.
 */
export interface VectorsChunk {
  readonly attributes: Readonly<Record<string, Float32Array>>;
  readonly concepts: readonly string[];
}

/**
 * The model file.
 * @public what a file of the folder holds
 */
export interface ModelChunk {
  readonly onnx: Uint8Array;
}

/**
 * RGB pixels, `[images, height, width, 3]`, each channel less its left neighbour (modulo 256).
 * @public what a file of the folder holds
 */
export interface PixelsChunk {
  readonly pixels: Uint8Array;
}
