/** One unit's card: what a run knows about it, put together from its tables, as data, as a picture and as a page. */
import { decodeSheet, type Tile, type TileSize, tileUri } from "../attributes/sprite-sheet.ts";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { type CardImage, type Region, unitCardFigure } from "../figures/unit-card.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { sourceOf } from "../runs/run-manifest.ts";
import { type Column, filterRows, isMissing, rowsWhere, type Table, texts } from "../tables/table.ts";
import { attributeLines } from "./attribute-lines.ts";
import { readSpriteIndex } from "./unit-images.ts";

/** One class under the ablation of the unit. */
export interface CardClass {
  readonly name: string;
  readonly drop: number;
  readonly images: number;
  readonly lost: number;
  readonly gained: number;
  /** `null` where it was not computed. */
  readonly pValue: number | null;
  readonly qValue: number | null;
}

/** An image on the card. */
export interface CardPicture {
  readonly image: number;
  readonly name: string;
  /** True class, and predicted class before and after; `after` is `null` where the ablation was not looked at. */
  readonly label: string;
  readonly before: string;
  readonly after: string | null;
  readonly response: number;
  /** Fraction of the image inside the unit's region; `null` where there is none. */
  readonly region: number | null;
  readonly sprite: string;
  readonly spriteIndex: number;
}

/** Everything on a card. */
export interface UnitCardData {
  readonly layer: string;
  readonly unit: number;
  /** Units of the layer. */
  readonly unitCount: number;
  /** Model and data. */
  readonly source: string;
  readonly overallDrop: number;
  /** Columns of `units` that have a value, by their names. */
  readonly columns: Readonly<Record<string, number | string>>;
  /** The attributes for reading. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  /** Largest drop first. */
  readonly classes: readonly CardClass[];
  readonly top: readonly CardPicture[];
  readonly hurt: readonly CardPicture[];
}

/**
 * Reads a unit's card from a run.
 * @throws {UnitscopeError} `layer` if the run has no such layer or unit.
 */
export async function readUnitCard(run: RunFolder, layer: string, unit: number): Promise<UnitCardData> {
  run.requireWhole([layer]);
  const units = await run.readTable("units", { isWholeOnly: true });
  const names = [...new Set(texts(units, "layer"))];
  if (!names.includes(layer)) {
    throw new UnitscopeError(
      "layer",
      `layer "${layer}": expected one of ${listAllowed(names)}, got a layer that the run lacks`,
    );
  }
  const ofLayer = rowsWhere(units, "layer", layer);
  const own = ownRows(ofLayer, layer, unit);
  if (own.rows !== 1) {
    throw new UnitscopeError("layer", `layer "${layer}": expected unit in 0..${ofLayer.rows - 1}, got ${unit}`);
  }
  const columns: Record<string, number | string> = {};
  for (const [name, column] of Object.entries(own.columns)) {
    if (!isMissing(column, 0)) columns[name] = column[0];
  }
  const manifest = run.manifest();
  const images = run.hasTable("images") ? ownRows(await run.readTable("images", { layer }), layer, unit) : undefined;
  const imageNames = run.hasTable("baseline") ? (await run.readTable("baseline")).columns["name"] : undefined;
  const pictures = (role: string): CardPicture[] =>
    images ? picturesOf(rowsWhere(images, "role", role), manifest.classNames, imageNames) : [];
  return {
    layer,
    unit,
    unitCount: ofLayer.rows,
    source: sourceOf(manifest),
    overallDrop: Number(columns["overall_drop"] ?? Number.NaN),
    columns,
    attributes: attributeLines(columns, manifest.classNames),
    classes: classesOf(ownRows(await run.readTable("drops", { layer }), layer, unit)),
    top: pictures("top"),
    hurt: pictures("hurt"),
  };
}

/** Draws a card as SVG, its pictures inside. */
export async function drawUnitCard(run: RunFolder, card: UnitCardData): Promise<string> {
  const sheets = new Map<string, (Tile | undefined)[]>();
  const index = card.top.length + card.hurt.length > 0 ? readSpriteIndex(run) : undefined;
  const size: TileSize = { width: index?.tileWidth ?? 1, height: index?.tileHeight ?? 1 };
  const draw = async ({ sprite, spriteIndex, label, before, after }: CardPicture): Promise<CardImage | undefined> => {
    const sheet = sheets.get(sprite) ?? (await decodeSheet(run.file(...sprite.split("/")), size));
    sheets.set(sprite, sheet);
    const tile = sheet[spriteIndex];
    if (!tile) return undefined;
    const shared = { href: await tileUri(tile, size), pixels: Math.max(size.width, size.height), label };
    if (after !== null) return { ...shared, before, after };
    return { ...shared, region: regionOf(tile, size) };
  };
  const drawAll = async (pictures: readonly CardPicture[]): Promise<CardImage[]> => {
    const drawn: CardImage[] = [];
    for (const picture of pictures) {
      const image = await draw(picture);
      if (image) drawn.push(image);
    }
    return drawn;
  };
  const { layer, unit, overallDrop, attributes, source } = card;
  const classes = card.classes.map(({ name, drop, qValue }) => ({ name, drop, ...(qValue !== null && { qValue }) }));
  const [top, hurt] = [await drawAll(card.top), await drawAll(card.hurt)];
  return unitCardFigure({ layer, unit, overall: overallDrop, top, hurt, attributes, classes }, { source });
}

/** A card as a page of its own. */
export function unitCardPage({ layer, unit, source }: UnitCardData, svg: string): string {
  const title = `${layer}, unit ${unit} · ${source}`.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const inline = svg.replace(/^<\?xml[^>]*\?>\s*/, "");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem } svg { width: 100%; height: auto }</style>
</head>
<body>
${inline}
</body>
</html>
`;
}

function ownRows(table: Table, layer: string, unit: number): Table {
  const layers = texts(table, "layer");
  const units = table.columns["unit"] as Int32Array;
  return filterRows(table, (row) => units[row] === unit && layers[row] === layer);
}

function classesOf(drops: Table): CardClass[] {
  const names = texts(drops, "class_name");
  const at = (column: string, row: number): number | null => {
    const values = drops.columns[column];
    return !values || isMissing(values, row) ? null : Number(values[row]);
  };
  const classes = names.map((name, row) => ({
    name,
    drop: at("drop", row) ?? Number.NaN,
    images: at("images", row) ?? 0,
    lost: at("lost", row) ?? 0,
    gained: at("gained", row) ?? 0,
    pValue: at("p_value", row),
    qValue: at("q_value", row),
  }));
  const defined = classes.filter(({ drop }) => !Number.isNaN(drop)).sort((a, b) => b.drop - a.drop);
  return [...defined, ...classes.filter(({ drop }) => Number.isNaN(drop))];
}

function picturesOf(rows: Table, classNames: readonly string[], imageNames: Column | undefined): CardPicture[] {
  const number = (column: string, row: number): number => Number(rows.columns[column]?.[row]);
  const className = (cls: number): string => classNames[cls] ?? `class ${cls}`;
  const pictures = Array.from({ length: rows.rows }, (_, row) => {
    const image = number("image", row);
    const name = imageNames?.[image];
    const [after, region] = [rows.columns["prediction_ablated"], rows.columns["region"]];
    const picture: CardPicture = {
      image,
      name: typeof name === "string" && name !== "" ? name : `image ${image}`,
      label: className(number("label", row)),
      before: className(number("prediction", row)),
      after: !after || isMissing(after, row) ? null : className(Number(after[row])),
      response: number("response", row),
      region: !region || isMissing(region, row) ? null : Number(region[row]),
      sprite: String(rows.columns["sprite"]?.[row] ?? ""),
      spriteIndex: number("sprite_index", row),
    };
    return { rank: number("rank", row), picture };
  });
  return pictures.sort((a, b) => a.rank - b.rank).map(({ picture }) => picture);
}

function regionOf({ region }: Tile, { width, height }: TileSize): Region {
  return { width, height, inside: region ?? new Uint8Array(width * height).fill(1) };
}
