/** Reading and writing Parquet files, in one module: the build puts hyparquet and its writer here, in place of 51 files. */
export {
  type AsyncBuffer,
  asyncBufferFromFile,
  type ColumnChunk,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetReadObjects,
  type RowGroup,
  type SchemaElement,
} from "hyparquet";
export { ByteWriter, ParquetWriter } from "hyparquet-writer";
