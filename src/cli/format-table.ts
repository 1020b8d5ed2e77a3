/** Rows of text as aligned lines for a terminal. */
import stringWidth from "fast-string-width";

/**
 * Aligns columns with two spaces between them.
 * @param options.right indices of columns that are aligned to the right.
 */
export function formatTable(
  cells: readonly (readonly string[])[],
  { right = [] }: { right?: readonly number[] } = {},
): string[] {
  // A class name may hold anything; a line break in it would break the table.
  const rows = cells.map((row) => row.map((cell) => cell.replaceAll(/\s+/g, " ")));
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => stringWidth(row[column] ?? ""))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const padding = " ".repeat(widths[column] - stringWidth(cell));
        return right.includes(column) ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd(),
  );
}
