/** All readers. */
import { archiveReaders } from "./archive-readers.ts";
import { checkpointReaders } from "./checkpoint-readers.ts";
import { conceptReaders } from "./concept-readers.ts";
import { imageReaders } from "./image-readers.ts";
import { modelReaders } from "./model-reader.ts";
import { pictureReaders } from "./picture-readers.ts";
import { pieceReaders } from "./piece-readers.ts";
import type { Reader } from "./reader.ts";
import { runReaders } from "./run-readers.ts";

/** In the order in which a campaign takes turns. */
export const readers: readonly Reader[] = [
  ...pictureReaders,
  ...archiveReaders,
  ...imageReaders,
  ...conceptReaders,
  ...runReaders,
  ...pieceReaders,
  ...checkpointReaders,
  ...modelReaders,
];
