/**
 * A page that classifies with transformers.js, from its server alone; the test calls `classify`.
 *
 * @module
 */
import { openClassifier, useRuntimeIn } from "../../../deps/transformers_test.ts";
import type { ExportedVariant } from "../../../tasks/model_card.ts";
import type { Found } from "./_exported.ts";

useRuntimeIn(`${location.origin}/runtime`);

async function classify(dtype: ExportedVariant["dtype"]): Promise<Found[]> {
  const run = await openClassifier("/", "hub", dtype);
  const found = await run("/photo.png", { top_k: 5 }) as Found[];
  await run.dispose();
  return found;
}

Object.assign(globalThis, { classify });
