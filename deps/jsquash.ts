/**
 * `@jsquash`: JPEG, PNG and WebP decoders compiled to WebAssembly, for where native code is not
 * allowed and for browsers. Import this file lazily.
 *
 * @module
 */
export { default as decodeJpeg } from "npm:@jsquash/jpeg@1.6.0/decode.js";
export { default as decodePng } from "npm:@jsquash/png@3.1.1/decode.js";
export { default as decodeWebp } from "npm:@jsquash/webp@1.5.0/decode.js";
