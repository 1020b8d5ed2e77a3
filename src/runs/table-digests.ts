/**
 * Checksums in a table's file, so that a flipped bit is told instead of read as a number: a CRC-32 of every column's bytes
 * in a row group, kept in that column's own metadata, and one of the footer. Other readers pass over both.
 */
import { crc32 } from "node:zlib";
import type { AsyncBuffer, ColumnChunk, RowGroup } from "../files/parquet.ts";

/** Key of a column's checksum, among the metadata of its row group. */
const columnKey = "unitscope.crc32";
/** Key of the footer's checksum, among the file's metadata; it is computed with zeros in its own place. */
const footerKey = "unitscope.footer.crc32";
const noChecksum = "00000000";
/** The end of a Parquet file, behind the footer: its length and the file's mark, 4 bytes each. */
const tailBytes = 8;

/** What the writer puts into the file's metadata, to be filled by `sealFooter`. */
export const footerSeal: { readonly key: string; readonly value: string } = { key: footerKey, value: noChecksum };

/** Where the bytes of a column of a row group lie in the file. */
export function columnExtent({ meta_data }: ColumnChunk): { readonly from: number; readonly to: number } | undefined {
  if (!meta_data) return undefined;
  const from = Number(meta_data.dictionary_page_offset ?? meta_data.data_page_offset);
  return { from, to: from + Number(meta_data.total_compressed_size) };
}

/** Notes the checksums of a row group's columns in their metadata; its bytes began at `start` in the file. */
export function sealColumns({ columns }: RowGroup, bytes: Uint8Array, start: number): void {
  for (const column of columns) {
    const extent = columnExtent(column);
    if (!extent || !column.meta_data) continue;
    const value = checksum(bytes.subarray(extent.from - start, extent.to - start));
    column.meta_data.key_value_metadata = [{ key: columnKey, value }];
  }
}

/** Whether a column's bytes are those that were written; a file without checksums is believed. */
export async function isColumnWhole(file: AsyncBuffer, column: ColumnChunk): Promise<boolean> {
  const noted = column.meta_data?.key_value_metadata?.find(({ key }) => key === columnKey)?.value;
  const extent = columnExtent(column);
  if (noted === undefined || !extent) return true;
  return checksum(new Uint8Array(await file.slice(extent.from, extent.to))) === noted;
}

/** Puts the footer's checksum into the last bytes of a file, in place. */
export function sealFooter(end: Uint8Array): void {
  const footer = footerOf(end);
  const at = footer ? sealPlace(footer) : undefined;
  if (footer && at !== undefined) footer.set(Buffer.from(checksum(footer)), at);
}

/** Whether a footer is as it was written; one without a checksum is believed. */
export async function isFooterWhole(file: AsyncBuffer): Promise<boolean> {
  const size = file.byteLength;
  const tail = new Uint8Array(await file.slice(Math.max(0, size - tailBytes), size));
  const length = footerLength(tail);
  if (length === undefined || length + tailBytes > size) return true; // no Parquet file: its reader says so
  const footer = new Uint8Array(await file.slice(size - tailBytes - length, size));
  const at = sealPlace(footer);
  if (at === undefined) return true;
  const noted = Buffer.from(footer.subarray(at, at + noChecksum.length)).toString();
  footer.set(Buffer.from(noChecksum), at);
  return checksum(footer) === noted;
}

/** Footer, its length and the mark, from a file's last bytes. */
function footerOf(end: Uint8Array): Uint8Array | undefined {
  const length = footerLength(end);
  return length === undefined || length + tailBytes > end.length
    ? undefined
    : end.subarray(end.length - tailBytes - length);
}

function footerLength(end: Uint8Array): number | undefined {
  if (end.length < tailBytes) return undefined;
  return new DataView(end.buffer, end.byteOffset, end.length).getUint32(end.length - tailBytes, true);
}

/** Where the checksum's digits stand in a footer: behind the key come the value's field and length, a byte each. */
function sealPlace(footer: Uint8Array): number | undefined {
  const key = Buffer.from(footer.buffer, footer.byteOffset, footer.length).lastIndexOf(footerKey);
  const at = key + footerKey.length + 2;
  return key < 0 || at + noChecksum.length > footer.length ? undefined : at;
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(noChecksum.length, "0");
}
