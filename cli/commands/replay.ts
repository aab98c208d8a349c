/** `replay`: repeats a step that was not finite. */
import type { BackendName } from "../../backends/mod.ts";
import { UserError } from "../../core/errors.ts";
import { defineCommand, exitCodes, required, text, toggle } from "../parsing/command.ts";
import { webgpuFlag } from "../parsing/webgpu_flag.ts";

/** Repeats a failure bundle's micro-batch. */
export const replay = defineCommand({
  name: "replay",
  summary: "Repeat a step that was not finite, on any backend",
  description:
    "If a run ends because its loss or a gradient is not finite, everything that the step " +
    "depends on is kept in its directory, in failures/step-N: config, generator state, the micro-batch, " +
    "the parameters, and the first non-finite tensor. This command repeats that micro-batch, " +
    "forward and backward in the run's precision, and says which tensor fails first here.\n\n" +
    "If reference finds a different tensor, or none, the run's backend is at fault: report it " +
    "with the bundle. The exit code is then 1.",
  arguments: {
    bundle: required("BUNDLE", "The directory, such as runs/mine/failures/step-120."),
  },
  flags: {
    backend: text(
      "Where to compute: webgpu, cpu, reference, or tfjs:NAME; default: the run's backend.",
      {
        placeholder: "NAME",
        complete: () => ["webgpu", "cpu", "reference"],
      },
    ),
    webgpu: webgpuFlag,
    json: toggle("Print the result as one JSON document."),
  },
  examples: [
    ["replay runs/mine/failures/step-120", "whether it happens again"],
    ["replay runs/mine/failures/step-120 --backend reference", "what plain JavaScript computes"],
  ],
  async run({ flags, arguments: { bundle } }, context) {
    if (flags.backend === "auto") {
      throw new UserError('Cannot replay on "auto"', { hint: "omit --backend, or name one" });
    }
    const { replayFailure } = await import("../../methods/replay.ts");
    const { describeObservation } = await import("../../backends/watch.ts");
    const result = await replayFailure(bundle, {
      backendName: flags.backend as BackendName | undefined,
      implementation: flags.webgpu,
    });
    const { recorded, found, isSame } = result;
    if (flags.json) context.printJson(result);
    else {
      const here = found === null ? "every tensor is finite" : describeObservation(found);
      context.print(`in the run, on ${recorded.backend}: ${describeObservation(recorded)}`);
      context.print(`here, on ${result.backend} in ${result.precision}: ${here}`);
      context.print(
        isSame
          ? "The first non-finite tensor is the same."
          : "The first non-finite tensor is not the same: one of the backends is wrong.",
      );
    }
    return isSame ? exitCodes.done : 1;
  },
});
