/** Paints the part of the matrix that is in sight. One pixel a cell, then scaled up: any size paints in milliseconds. */
import { cssColour, paletteIndex } from "./colours.ts";

/** What is painted. */
export interface MatrixPicture {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly drops: Float32Array;
  readonly classes: number;
  /** Cells that are shown; others look like zero. */
  readonly shows: (unit: number, cls: number) => boolean;
  readonly limit: number;
  readonly colours: Uint32Array;
  readonly rowLabel: (unit: number) => string;
  readonly columnLabel: (cls: number) => string;
}

/** Sizes in CSS pixels. */
export interface MatrixLayout {
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Room for labels. */
  readonly left: number;
  readonly top: number;
  /** The part in sight. */
  readonly width: number;
  readonly height: number;
  readonly scrollLeft: number;
  readonly scrollTop: number;
}

/** A cell by its place in the matrix. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

let scratch: HTMLCanvasElement | undefined;

/** Paints into a canvas, whose size it sets. */
export function paintMatrix(
  canvas: HTMLCanvasElement,
  picture: MatrixPicture,
  layout: MatrixLayout,
  {
    cursor,
    brush,
    text,
    muted,
    line,
  }: {
    cursor: Cell | undefined;
    brush: { from: Cell; to: Cell } | undefined;
    text: string;
    muted: string;
    line: string;
  },
): void {
  const { cellWidth, cellHeight, left, top, width, height, scrollLeft, scrollTop } = layout;
  const ratio = devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
  }
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const firstRow = Math.floor(scrollTop / cellHeight);
  const endRow = Math.min(picture.rows.length, Math.ceil((scrollTop + height - top) / cellHeight));
  const firstColumn = Math.floor(scrollLeft / cellWidth);
  const endColumn = Math.min(picture.columns.length, Math.ceil((scrollLeft + width - left) / cellWidth));
  const [across, down] = [endColumn - firstColumn, endRow - firstRow];
  const x = (column: number): number => left + column * cellWidth - scrollLeft;
  const y = (row: number): number => top + row * cellHeight - scrollTop;
  if (across > 0 && down > 0) {
    scratch ??= document.createElement("canvas");
    scratch.width = across;
    scratch.height = down;
    const small = scratch.getContext("2d") as CanvasRenderingContext2D;
    const image = small.createImageData(across, down);
    const packed = new Uint32Array(image.data.buffer);
    for (let row = 0, at = 0; row < down; row++) {
      const unit = picture.rows[firstRow + row] as number;
      for (let column = 0; column < across; column++, at++) {
        const cls = picture.columns[firstColumn + column] as number;
        const drop = picture.shows(unit, cls) ? (picture.drops[unit * picture.classes + cls] as number) : 0;
        packed[at] = picture.colours[paletteIndex(drop, picture.limit)] as number;
      }
    }
    small.putImageData(image, 0, 0);
    context.save();
    context.beginPath();
    context.rect(left, top, width - left, height - top);
    context.clip();
    context.imageSmoothingEnabled = false;
    context.drawImage(scratch, x(firstColumn), y(firstRow), across * cellWidth, down * cellHeight);
    if (cellWidth >= 14 && cellHeight >= 9) {
      context.fillStyle = line;
      for (let row = firstRow; row <= endRow; row++) context.fillRect(left, Math.round(y(row)), width - left, 1);
      for (let column = firstColumn; column <= endColumn; column++)
        context.fillRect(Math.round(x(column)), top, 1, height - top);
    }
    context.lineWidth = 2;
    context.strokeStyle = text;
    if (brush) {
      const [rowA, rowB] = [Math.min(brush.from.row, brush.to.row), Math.max(brush.from.row, brush.to.row) + 1];
      const [columnA, columnB] = [
        Math.min(brush.from.column, brush.to.column),
        Math.max(brush.from.column, brush.to.column) + 1,
      ];
      context.setLineDash([4, 3]);
      context.strokeRect(x(columnA), y(rowA), (columnB - columnA) * cellWidth, (rowB - rowA) * cellHeight);
      context.setLineDash([]);
    }
    if (cursor) context.strokeRect(x(cursor.column), y(cursor.row), Math.max(3, cellWidth), Math.max(3, cellHeight));
    context.restore();
  }
  paintLabels(context, picture, layout, { firstRow, endRow, firstColumn, endColumn, cursor, text, muted });
}

function paintLabels(
  context: CanvasRenderingContext2D,
  picture: MatrixPicture,
  { cellWidth, cellHeight, left, top, width, height, scrollLeft, scrollTop }: MatrixLayout,
  {
    firstRow,
    endRow,
    firstColumn,
    endColumn,
    cursor,
    text,
    muted,
  }: {
    firstRow: number;
    endRow: number;
    firstColumn: number;
    endColumn: number;
    cursor: Cell | undefined;
    text: string;
    muted: string;
  },
): void {
  context.textBaseline = "middle";
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  const everyRow = Math.max(1, Math.ceil(12 / cellHeight));
  for (let row = Math.ceil(firstRow / everyRow) * everyRow; row < endRow; row += everyRow) {
    const middle = top + (row + 0.5) * cellHeight - scrollTop;
    if (middle < top || middle > height) continue;
    context.fillStyle = cursor?.row === row ? text : muted;
    context.fillText(picture.rowLabel(picture.rows[row] as number), left - 6, middle);
  }
  const everyColumn = Math.max(1, Math.ceil(13 / cellWidth));
  context.textAlign = "left";
  for (let column = Math.ceil(firstColumn / everyColumn) * everyColumn; column < endColumn; column += everyColumn) {
    const middle = left + (column + 0.5) * cellWidth - scrollLeft;
    if (middle < left || middle > width) continue;
    context.save();
    context.translate(middle, top - 6);
    if (cellWidth < 64) context.rotate(-Math.PI / 3.4);
    else context.textAlign = "center";
    context.fillStyle = cursor?.column === column ? text : muted;
    context.fillText(
      shortened(
        context,
        picture.columnLabel(picture.columns[column] as number),
        cellWidth < 64 ? top * 1.05 : cellWidth - 6,
      ),
      0,
      -2,
    );
    context.restore();
  }
}

/** A label cut to a width. */
function shortened(context: CanvasRenderingContext2D, label: string, width: number): string {
  const plain = label.length > 60 ? label.slice(0, 60) : label;
  if (context.measureText(plain).width <= width && plain === label) return label;
  let length = plain.length;
  while (length > 1 && context.measureText(`${plain.slice(0, length)}…`).width > width) length--;
  return `${plain.slice(0, length)}…`;
}

/** The colours of a legend from the largest gain to the largest damage. */
export function legendStops(colours: Uint32Array, limit: number): { value: number; colour: string }[] {
  return [-1, -0.75, -0.5, -0.25, -0.1, 0, 0.1, 0.25, 0.5, 0.75, 1].map((share) => ({
    value: share * limit,
    colour: cssColour(colours, paletteIndex(share * limit, limit)),
  }));
}
