/**
 * `wabt`: assembles WebAssembly text (tools and tests only).
 *
 * @module
 */
export { default as loadWabt } from "npm:wabt@1.0.39";
