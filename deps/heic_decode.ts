/**
 * `heic-decode` (ISC) over `libheif-js` (LGPL-3.0, loaded unmodified): iPhone photographs, in
 * WebAssembly; sharp's builds omit HEVC because of its patents. At 8 MB, it is named by a computed
 * specifier, so that it is downloaded with the first such file and nobody else waits for it.
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

/** Decodes the first image in a HEIC or HEIF file, rotated as the file says. */
export async function decodeHeic(bytes: Uint8Array): Promise<HeicImage> {
  const { default: decode } = await import(specifier) as {
    readonly default: (options: { buffer: Uint8Array }) => Promise<HeicImage>;
  };
  return await decode({ buffer: bytes });
}
