import type { Source } from "../../data/sources/source.ts";
import type { RunImages } from "./method.ts";

/** The caller's images, which the caller keeps using, or those that `open` returns. */
export async function openImages(
  given: Source | undefined,
  open: () => Source | Promise<Source>,
): Promise<RunImages> {
  if (given !== undefined) return { source: given, close() {} };
  const source = await open();
  return { source, close: () => source.close?.() };
}
