/**
 * d3's scales and shapes, and nothing from d3 that needs a page. Import this file lazily: only reports draw.
 *
 * @module
 */
// @ts-types="./types/d3_scale.d.ts"
export { scaleLinear, scaleLog } from "npm:d3-scale@4.0.3";
// @ts-types="./types/d3_shape.d.ts"
export { area, line } from "npm:d3-shape@3.2.1";
