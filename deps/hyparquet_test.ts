/** hyparquet: reads Parquet files (tests only). @module */
export { parquetReadObjects } from "npm:hyparquet@1.31.5";
