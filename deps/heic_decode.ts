/**
 * `heic-decode` (ISC) over `libheif-js` (LGPL-3.0, loaded as it is): the photographs of iPhones, in
 * WebAssembly; sharp's builds leave HEVC out for its patents. 8 MB, so it is named by a computed
 * specifier: it is downloaded when the first such file is met, and nobody else waits for it.
 *
 * @module
 */

/** RGBA, row by row. */
export interface HeicImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

const specifier = "npm:heic-decode@2.1.0";

/** Decodes the first image of a HEIC or HEIF file, turned as the file says. */
export async function decodeHeic(bytes: Uint8Array): Promise<HeicImage> {
  const { default: decode } = await import(specifier) as {
    readonly default: (options: { buffer: Uint8Array }) => Promise<HeicImage>;
  };
  return await decode({ buffer: bytes });
}
