/**
 * Labelled images to learn from and to test on.
 *
 * @module
 */

import type { Source } from "../../data/sources/source.ts";
import type { RunListener } from "../engine/events.ts";
import { openEvaluationSource, openTrainingSource } from "./data_sources.ts";
import { requireLabels, requireSameClasses } from "./require_labels.ts";

/**
 * The labelled images that a `data` section names, to learn from and to test on.
 *
 * @param given the caller's images to learn from instead
 * @throws UserError if there are no labels or no test split, or its classes differ
 */
export async function openLabelled(
  data: Parameters<typeof openTrainingSource>[0],
  listener?: RunListener,
  given?: Source,
): Promise<{ train: Source; test: Source }> {
  const train = given ?? await openTrainingSource(data, listener);
  requireLabels(train, data.source);
  const test = await openEvaluationSource(data);
  requireSameClasses(train, test, data.evaluationSource ?? data.source);
  return { train, test };
}
