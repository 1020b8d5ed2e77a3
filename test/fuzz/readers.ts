/** All readers. */
import { conceptReaders } from "./concept-readers.ts";
import { imageReaders } from "./image-readers.ts";
import { modelReaders } from "./model-reader.ts";
import type { Reader } from "./reader.ts";
import { runReaders } from "./run-readers.ts";

/** In the order in which a campaign takes turns. */
export const readers: readonly Reader[] = [...imageReaders, ...conceptReaders, ...runReaders, ...modelReaders];
