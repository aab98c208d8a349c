/**
 * `fflate`: writes gzip and zip archives (tools and tests only).
 *
 * @module
 */
export { gzipSync, zipSync } from "npm:fflate@0.8.3";
