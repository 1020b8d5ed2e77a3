import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openTableReader } from "../../src/runs/read-table.ts";
import { openTableRewriter } from "../../src/runs/rewrite-table.ts";
import { writeParquetTable } from "../../src/runs/write-table.ts";
import { makeTable, type Table } from "../../src/tables/table.ts";
import { newFolder } from "./example-run.ts";

const rows = 60;
const drops = makeTable({
  layer: Array.from({ length: rows }, (_, row) => (row < 30 ? "conv1" : "conv2")),
  unit: Int32Array.from({ length: rows }, (_, row) => row % 10),
  class: Int32Array.from({ length: rows }, (_, row) => row % 3),
  class_name: Array.from({ length: rows }, (_, row) => ["cat", "dog", "a long name"][row % 3]),
  images: new Int32Array(rows).fill(50),
  correct: Int32Array.from({ length: rows }, (_, row) => (row * 7) % 50),
  correct_ablated: Int32Array.from({ length: rows }, (_, row) => (row * 11) % 50),
  lost: Int32Array.from({ length: rows }, (_, row) => row % 5),
  gained: new Int32Array(rows).fill(1),
  drop: Float64Array.from({ length: rows }, (_, row) => (row % 13 === 0 ? Number.NaN : row / 7)),
});

const readWhole = async (path: string): Promise<Table> => (await openTableReader(path, "drops")).read();

const asText = ({ columns }: Table): string => JSON.stringify(Object.entries(columns).map(([n, c]) => [n, c.join()]));

test("a flipped bit of a table's file is told, or changes nothing that is read", async () => {
  const path = `${newFolder()}/drops.parquet`;
  writeParquetTable(path, "drops", drops);
  const whole = readFileSync(path);
  const expected = asText(await readWhole(path));
  const outcomes = { told: 0, harmless: 0 };
  for (let at = 0; at < whole.length; at += 5) {
    const bytes = Buffer.from(whole);
    bytes[at] ^= 1 << (at % 8);
    writeFileSync(path, bytes);
    const read = await readWhole(path).then(asText, (error: Error) => error);
    if (typeof read === "string") expect(read, `byte ${at} of ${whole.length}`).toBe(expected);
    else expect(read.message).toContain("expected a Parquet file, got a damaged one");
    outcomes[typeof read === "string" ? "harmless" : "told"]++;
  }
  // Harmless: the mark at the beginning, the index of pages, the checksum's own key.
  expect(outcomes.told).toBeGreaterThan(0.8 * (whole.length / 5));
});

test("a column that is not read may be damaged, and a damaged row group is not copied into a new file", async () => {
  const path = `${newFolder()}/drops.parquet`;
  writeParquetTable(path, "drops", drops);
  const { groups } = await openTableReader(path, "drops");
  const chunk = groups[0].description.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === "drop");
  const bytes = readFileSync(path);
  bytes[Number(chunk?.meta_data?.data_page_offset) + Number(chunk?.meta_data?.total_compressed_size) - 1] ^= 4;
  writeFileSync(path, bytes);
  const reader = await openTableReader(path, "drops");
  expect((await reader.read({ columns: ["lost"] })).columns["lost"]).toEqual(drops.columns["lost"]);
  await expect(reader.read()).rejects.toThrow(
    `column "drop" of rows 0 to ${rows} is not as it was written); delete it and repeat`,
  );
  await expect(reader.groupBytes(groups[0])).rejects.toThrow('column "drop"');
  const rewriter = await openTableRewriter(path, "drops", { keep: () => () => true, keepsLayer: () => true });
  await expect(rewriter.append(drops)).rejects.toThrow('column "drop"');
  expect(readFileSync(path).equals(bytes)).toBe(true);
});
