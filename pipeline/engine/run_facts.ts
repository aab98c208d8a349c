/** What a report says about the machine and the versions used for a run. */
import project from "../../deno.json" with { type: "json" };
import type { Context } from "../../backends/backend.ts";
import type { RunConfig } from "../../configs/task.ts";
import { tf } from "../../deps/tfjs.ts";

/** Names and values, for display. */
export function runFacts(
  { backend, precision }: Context,
  { seed, batchSize }: RunConfig,
  ownMethod: string | undefined,
): (readonly [name: string, value: string])[] {
  return [
    ...(ownMethod === undefined ? [] : [["method", ownMethod] as const]),
    ["device", `${backend.name}: ${backend.capabilities.description}`],
    ["precision", precision],
    ["mimic", project.version],
    ["runtime", navigator.userAgent],
    ["tfjs", tf.version_core],
    ["batch", `${batchSize} images`],
    ["seed", String(seed)],
  ];
}
