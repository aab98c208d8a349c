/**
 * `sharp` (libvips): native decoding of every common image format. It needs read, env and ffi
 * permission; import this file lazily.
 *
 * @module
 */
export { default as sharp } from "npm:sharp@0.35.5";
