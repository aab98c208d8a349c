/** hyparquet-writer: Parquet files. Import this file lazily. @module */
export { ByteWriter, parquetWrite } from "npm:hyparquet-writer@0.17.0";
