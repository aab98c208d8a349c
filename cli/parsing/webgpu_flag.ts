/** `--webgpu`. */
import { choice } from "./command.ts";

/** Whose WebGPU to use. */
export const webgpuFlag = choice(
  "Whose WebGPU the webgpu backend uses: Deno's own, or Chromium's for matrix units.",
  ["auto", "deno", "dawn"],
);
