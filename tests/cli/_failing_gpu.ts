/**
 * The command line on a GPU that fails as soon as the run has saved a checkpoint:
 * `lose|refuse DIRECTORY WORDS…`, where the run's directory is looked at.
 */
import { makeFailing } from "../backends/webgpu/_failing_device.ts";
import { commands } from "../../cli/commands/mod.ts";
import { runProgram } from "../../cli/program.ts";

const [fault, directory, ...words] = Deno.args;

/** Submissions after the checkpoint's, so that the fault comes in the middle of a step. */
const LATER = 2;

function hasSaved(): boolean {
  try {
    return [...Deno.readDirSync(`${directory}/checkpoints`)].some(({ name }) =>
      /^step-/.test(name)
    );
  } catch {
    return false;
  }
}

const requestAdapter = navigator.gpu.requestAdapter.bind(navigator.gpu);
Object.defineProperty(navigator.gpu, "requestAdapter", {
  value: async (options?: GPURequestAdapterOptions) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    makeFailing(adapter, (device) => {
      let submissions = 0;
      device.onSubmit(() => {
        if (!hasSaved() || ++submissions !== LATER) return;
        if (fault === "lose") device.lose();
        else device.refuseFrom(1);
      });
    });
    return adapter;
  },
});

Deno.exit(await runProgram(words, commands, "0"));
