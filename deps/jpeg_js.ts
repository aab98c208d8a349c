/**
 * `jpeg-js`: a JPEG decoder in plain JavaScript; the only one of the portable decoders that reads
 * CMYK. Import this file lazily.
 *
 * @module
 */
export { decode as decodeJpegSlowly } from "npm:jpeg-js@0.4.4";
