/** The pictures of a layer's units, copied into a report; made smaller where they would make it too large. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { ThumbData } from "./page-data.ts";
import { copyInto } from "./report-figures.ts";

/** Bytes that the pictures of one unit may take on average. */
const unitBudget = 14_000;
/** Smallest side of a tile, in pixels. */
const leastTile = 40;

interface SpriteIndex {
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly columns: number;
  readonly folders: Readonly<Record<string, string>>;
}

/** Copies a layer's sheets to `folder` under `out`; `null` where the run has none. */
export async function copyThumbs(
  run: RunFolder,
  layer: string,
  out: string,
  folder: string,
): Promise<ThumbData | null> {
  const path = run.file("sprites", "index.json");
  if (!existsSync(path)) return null;
  const index = JSON.parse(readFileSync(path, "utf8")) as SpriteIndex;
  const own = index.folders[layer];
  if (own === undefined || !existsSync(run.file("sprites", own))) return null;
  const names = readdirSync(run.file("sprites", own)).filter((name) => name.endsWith(".webp"));
  const { tileWidth, tileHeight, columns } = index;
  const bytes = names.reduce((sum, name) => sum + statSync(run.file("sprites", own, name)).size, 0);
  const scale = Math.max(leastTile / Math.max(tileWidth, tileHeight), Math.sqrt((unitBudget * names.length) / bytes));
  const size = (side: number): number => (scale >= 1 ? side : Math.max(1, Math.round(side * scale)));
  mkdirSync(join(out, folder), { recursive: true });
  for (const name of names) {
    const [from, to] = [run.file("sprites", own, name), join(out, folder, name)];
    if (scale >= 1) copyInto(from, to);
    else writeFileAtomic(to, await smaller(from, { tileWidth, tileHeight, columns }, size));
  }
  return { folder, tileWidth: size(tileWidth), tileHeight: size(tileHeight), columns };
}

async function smaller(
  path: string,
  { tileWidth, tileHeight, columns }: Pick<SpriteIndex, "tileWidth" | "tileHeight" | "columns">,
  size: (side: number) => number,
): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  try {
    const sheet = sharp(path);
    const { height } = await sheet.metadata();
    return await sheet
      .resize(columns * size(tileWidth), Math.round(height / tileHeight) * size(tileHeight), { fit: "fill" })
      .webp({ quality: 75, alphaQuality: 80 })
      .toBuffer();
  } catch (cause) {
    throw diskError(path, cause);
  }
}
