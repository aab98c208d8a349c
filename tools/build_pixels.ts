/**
 * Assembles `data/images/pixels.wat` into `data/images/pixels_wasm.ts`:
 *
 *     deno run --allow-read --allow-write --allow-env tools/build_pixels.ts
 *
 * @module
 */
import { loadWabt } from "../deps/wabt.ts";

const source = new URL("../data/images/pixels.wat", import.meta.url);
const target = new URL("../data/images/pixels_wasm.ts", import.meta.url);

/** The assembled module. */
export async function assemblePixels(): Promise<Uint8Array> {
  const wabt = await loadWabt();
  const features = { simd: true, relaxed_simd: true };
  const module = wabt.parseWat("pixels.wat", await Deno.readTextFile(source), features);
  module.validate();
  return module.toBinary({}).buffer;
}

if (import.meta.main) {
  const base64 = btoa(String.fromCharCode(...await assemblePixels()));
  const lines = base64.match(/.{1,90}/g)!.map((line) => `  "${line}"`);
  const text = `/** \`pixels.wat\`, assembled by \`tools/build_pixels.ts\`. @module */

/** The module in base64. */
export const pixelsWasm: string = [
${lines.join(",\n")},
].join("");
`;
  await Deno.writeTextFile(target, text);
}
