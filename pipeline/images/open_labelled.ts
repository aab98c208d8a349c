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
 * @param given images of the caller's to learn from instead
 * @throws UserError where there are no labels, no test split, or other classes in it
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
