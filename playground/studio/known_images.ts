/** Some of the bundled clothes, for what their patches show of codes. @module */

import { batchesOf } from "../../pipeline/evaluation/collect_features.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { spread } from "../../tasks/visualize/shown_images.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";

const count = 300;

/** Images of a size, a batch at a time. */
export async function* knownImages(
  data: PretrainConfig["data"],
  size: number,
): AsyncGenerator<LoadedBatch, void, void> {
  const source = await openTrainingSource(data);
  try {
    yield* batchesOf(spread(source, count), {
      data,
      transform: { kind: "test", size, edge: size },
      listener: () => {},
    });
  } finally {
    source.close?.();
  }
}
