import type { Source } from "../../data/sources/source.ts";
import type { RunImages } from "./method.ts";

/** Images that the caller brought, and goes on to use, or those that `open` gives. */
export async function openImages(
  given: Source | undefined,
  open: () => Source | Promise<Source>,
): Promise<RunImages> {
  if (given !== undefined) return { source: given, close() {} };
  const source = await open();
  return { source, close: () => source.close?.() };
}
