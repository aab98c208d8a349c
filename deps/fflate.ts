/**
 * `fflate`: writes zip archives (tools and tests only).
 *
 * @module
 */
export { zipSync } from "npm:fflate@0.8.3";
